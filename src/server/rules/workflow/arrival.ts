// The time between a workflow's last action and the sign that the installed system came up: the sign that
// counts, and the outcome if it does not come in time. Pure.
import type { Confirmation } from '../../../model/documents/plan.ts';
import type { Template } from '../../../model/documents/template.ts';
import type { Workflow, WorkflowStatus } from '../../../model/documents/workflow.ts';
import { mostReturns } from '../local-boot.ts';
import { confirmationFor, finish, statusOf, withStatus } from './progress.ts';

/** The longest wait for the sign, from the last action on. */
export const confirmationSeconds = 1800;
/** A machine that was sent to its disk and stays away for this long has started its system. */
const awaySeconds = 600;
/** A workflow of version 0.1.0 may have no timeout. */
export const defaultTimeoutSeconds = 4 * 3600;
/** The interval at which a workflow's running time is stored. */
const notedEverySeconds = 60;

/** The sign that a workflow of this template has to wait for. `overwrites`: it writes a whole disk. */
export function confirmationOf({ spec }: Template, overwrites: boolean): Confirmation {
  const last = spec.actions.at(-1)?.action;
  if (last !== 'reboot' && last !== 'kexec') return 'none';
  if (/\{\{\s*phone_home_url\s*\}\}/.test(JSON.stringify(spec.actions, asText))) return 'report';
  return overwrites || last === 'kexec' ? 'absence' : 'boot';
}

function asText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** True from the workflow's last action on: the machine leaves the agent. */
export function hasLeft({ status }: Workflow): boolean {
  return status?.state === 'STATE_RUNNING' && status.left !== undefined;
}

/** The server's knowledge of a machine whose workflow has left the agent. */
export interface Whereabouts {
  /** Its agent is heard, and not from the installed system. */
  readonly isHeard: boolean;
  /** The last time it was sent to its disk. */
  readonly sentAt: string | null;
  /** The number of times it came straight back. */
  readonly returns: number;
}

/** Returns the workflow after it has run for `ranSeconds`, or the same object if nothing changes.
 *  Units: seconds on the servers' monotonic clocks; wall clocks play no part. */
export function pass(
  workflow: Workflow,
  ranSeconds: number,
  where: Whereabouts,
  now: Date,
): Workflow {
  const status = statusOf(workflow);
  if (status.state !== 'STATE_RUNNING') return workflow;
  const ran = Math.floor(ranSeconds);
  const noted = withNoted(workflow, ran, where);
  const { left } = statusOf(noted);
  if (left === undefined) {
    const seconds = Number(status.globalTimeout ?? 0) || defaultTimeoutSeconds;
    const isLate = ran >= seconds;
    return isLate ? finish(noted, 'STATE_TIMEOUT', now, `not finished after ${seconds} s`) : noted;
  }
  const { afterSeconds = ran, awaySinceSeconds = ran } = left;
  const isAway = !where.isHeard && where.returns < mostReturns;
  const maySucceed = confirmationFor(workflow) !== 'report';
  if (maySucceed && isAway && ran - awaySinceSeconds >= awaySeconds) {
    return withStatus(finish(noted, 'STATE_SUCCESS', now, null), { confirmed: false });
  }
  if (ran - afterSeconds < confirmationSeconds) return noted;
  const error = `did not come up: nothing was heard of the installed system within ${confirmationSeconds / 60} minutes of the last action`;
  const failed = finish(noted, 'STATE_FAILED', now, error);
  return withStatus(failed, { left: { ...left, isOverdue: true } });
}

/** Returns the workflow after its machine gave the sign, or the same object if none is awaited. A report may come before
 *  the agent's last words, or after they were lost. */
export function arrive(workflow: Workflow, now: Date): Workflow {
  if (!awaits(workflow)) return workflow;
  const { state, confirmed } = statusOf(workflow);
  if (state === 'STATE_SUCCESS') {
    return confirmed === true ? workflow : withStatus(workflow, { confirmed: true });
  }
  const awaited = withStatus(workflow, { state: 'STATE_RUNNING' });
  return withStatus(finish(awaited, 'STATE_SUCCESS', now, null), { confirmed: true });
}

/** True for a workflow that the sign of its installed system may still reach. */
export function awaits(workflow: Workflow): boolean {
  const { state } = statusOf(workflow);
  return state === 'STATE_RUNNING' || state === 'STATE_SUCCESS' || isOverdue(workflow);
}

/** True for a workflow that failed only because its system was not heard of in time. */
export function isOverdue({ status }: Workflow): boolean {
  return status?.state === 'STATE_FAILED' && status.left?.isOverdue === true;
}

function withNoted(workflow: Workflow, ran: number, where: Whereabouts): Workflow {
  const status = statusOf(workflow);
  const left = status.left && noteLeft(status.left, ran, where);
  const isNew = left !== status.left;
  const isDue = ran - Number(status.ranSeconds ?? 0) >= notedEverySeconds;
  if (!isNew && !isDue) return workflow;
  return withStatus(workflow, { ranSeconds: ran, ...(left === undefined ? {} : { left }) });
}

type Left = NonNullable<WorkflowStatus['left']>;

/** A machine is away from the moment it was sent to its disk, or last heard in the agent. */
function noteLeft(left: Left, ran: number, { isHeard, sentAt }: Whereabouts): Left {
  const { afterSeconds = ran, awaySinceSeconds = ran } = left;
  const isSent = sentAt !== null && sentAt !== left.sentAt;
  const isHere = isHeard && ran - awaySinceSeconds >= notedEverySeconds;
  if (left.afterSeconds !== undefined && !isSent && !isHere) return left;
  return {
    ...left,
    afterSeconds,
    awaySinceSeconds: isSent || isHere ? ran : awaySinceSeconds,
    ...(sentAt === null ? {} : { sentAt }),
  };
}
