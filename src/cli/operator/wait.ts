// Follows workflows to their ends.
import type { Client } from '../../client/client.ts';
import { systemClock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import { isActive, type Workflow } from '../../model/documents/workflow.ts';
import type { Io } from '../command.ts';
import { printable } from '../text/table.ts';

export const waitOptions = {
  wait: { type: 'boolean', short: 'w', describe: 'follow the workflows until they have ended' },
  timeout: {
    type: 'number',
    value: 'SECONDS',
    default: 14_400,
    range: [1, 604_800],
    describe: 'with --wait: give up waiting after so long; the workflows go on',
  },
} as const;

const pollMs = 2000;

/** Prints each step and each end. Resolves to true if all succeeded. Errors: AppError `wait.timeout`. */
export async function waitFor(
  client: Client,
  workflows: readonly { readonly name: string; readonly id: string }[],
  timeoutSeconds: number,
  io: Io,
): Promise<boolean> {
  const open = new Map(workflows.map(({ id, name }) => [id, name]));
  const said = new Map<string, string>();
  let allWell = true;
  const endsAt = systemClock.elapsedMs() + timeoutSeconds * 1000;
  for (;;) {
    for (const [id, name] of open) {
      const workflow = await client.workflows.get(id);
      const line = printable(stepText(workflow));
      if (said.get(id) !== line) io.stderr.write(`${name}: ${line}\n`);
      said.set(id, line);
      if (isActive(workflow)) continue;
      open.delete(id);
      allWell &&= workflow.status?.state === 'STATE_SUCCESS';
      io.print(`${name} ${outcomeOf(workflow)}\n`);
    }
    if (open.size === 0) return allWell;
    if (systemClock.elapsedMs() >= endsAt) {
      throw new AppError('wait.timeout', `still running: ${[...open.values()].join(', ')}`);
    }
    await systemClock.sleep(pollMs, io.signal);
  }
}

function stepText(workflow: Workflow): string {
  if (!isActive(workflow)) return 'ended';
  const { state, left, progress } = workflow.status ?? {};
  const percent = state === 'STATE_RUNNING' && left === undefined ? ` ${progress ?? 0} %` : '';
  return `${stepOf(workflow)}${percent}`;
}

/** The step of a workflow whose next action has not begun yet. */
export const betweenActions = 'running';

/** The step that an active workflow is at: the name of an action, or what it waits for. */
export function stepOf({ status }: Workflow): string {
  const { state = 'STATE_PENDING', currentAction, left } = status ?? {};
  if (state === 'STATE_PENDING') return 'waits for the machine';
  if (left !== undefined) return 'waits for the installed system';
  return currentAction ?? betweenActions;
}

/** The end of a workflow, with the reason where it did not succeed. */
export function outcomeOf(workflow: Workflow): string {
  if (workflow.status?.state === 'STATE_SUCCESS') return 'succeeded';
  return `${endOf(workflow)}${reasonOf(workflow)}`;
}

function endOf({ status }: Workflow): string {
  if (status?.cancelled === true) return 'was cancelled';
  return status?.state === 'STATE_TIMEOUT' ? 'timed out' : 'failed';
}

function reasonOf({ status }: Workflow): string {
  // The server begins with "NAME failed".
  const reason = (status?.error ?? '').replace(/^(\S+) failed: /, '$1: ');
  const output = status?.actions?.flatMap((action) => action.output ?? []) ?? [];
  const lines = output.map((line) => `\n  ${printable(line)}`);
  return [reason === '' ? '' : `: ${printable(reason)}`, ...lines].join('');
}
