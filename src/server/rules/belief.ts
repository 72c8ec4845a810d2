// Interprets empty fields of a check-in: there is none, or nobody looked. Pure.
// Source: stock-agent.md, "What follows for the rules".
import { compareVersions } from '../../core/semver.ts';
import type { CheckinRequest } from '../../model/api.ts';

/** The first version of our agent that leaves out what it did not look for. */
const firstThatLeavesOut = '0.2.0';

/** The check-in without the fields that say nothing. Agents before 0.2.0 send [] and null for what they
 *  never look for, a stock agent null where its look failed: from these nothing is unlearned, or the guard
 *  of a system on disk would fall. */
export function believed(request: CheckinRequest): CheckinRequest {
  if (leavesOutTheUnseen(request)) return request;
  // Only optional fields may be null or an empty list.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(Object.entries(request).filter(saysSomething)) as CheckinRequest;
}

/** A stock agent has no boot_id, whatever it calls its version. */
function leavesOutTheUnseen({ boot_id: bootId, agent_version: version }: CheckinRequest): boolean {
  return !!bootId && (compareVersions(version ?? '', firstThatLeavesOut) ?? -1) >= 0;
}

function saysSomething([name, value]: [string, unknown]): boolean {
  // No problems is an answer of any agent: what could not be read before can be read now.
  if (name === 'problems') return true;
  return value !== null && !(Array.isArray(value) && value.length === 0);
}
