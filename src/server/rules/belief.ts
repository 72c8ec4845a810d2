// Interprets empty fields of a check-in: there is none, or nobody looked. Pure.
// Source: stock-agent.md, "What follows for the rules".
import { compareVersions } from '../../core/text/semver.ts';
import type { CheckinRequest } from '../../model/api/agent.ts';

/** The first version of our agent that leaves out what it did not look for. */
const firstThatLeavesOut = '0.2.0';

/** Reads a field: undefined for one that says nothing. */
export type Belief = <T>(field: T) => T | undefined;

/** The way to read the fields of a check-in. Agents before 0.2.0 send [] and null
 *  for what they never look for, a stock agent null where its look failed: from these nothing is unlearned,
 *  or the guard of a system on disk would fall. */
export function believing(request: CheckinRequest): Belief {
  if (leavesOutTheUnseen(request)) return (field) => field;
  return (field) => (isEmpty(field) ? undefined : field);
}

/** A stock agent has no boot_id, whatever it calls its version. */
function leavesOutTheUnseen({ boot_id: bootId, agent_version: version }: CheckinRequest): boolean {
  return !!bootId && (compareVersions(version ?? '', firstThatLeavesOut) ?? -1) >= 0;
}

function isEmpty(field: unknown): boolean {
  return field === null || (Array.isArray(field) && field.length === 0);
}
