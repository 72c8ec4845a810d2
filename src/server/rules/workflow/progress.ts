// Moves a workflow on by its agent's events, and ends it. Pure.
import type { WorkflowEvent } from '../../../model/api/agent.ts';
import type { Confirmation } from '../../../model/documents/plan.ts';
import {
  isActive,
  wholeSeconds,
  type Workflow,
  type WorkflowAction,
  type WorkflowState,
  type WorkflowStatus,
} from '../../../model/documents/workflow.ts';

/** Returns the workflow after an event, or the same object if the event says nothing new. `present`: the
 *  boot that the machine last checked in from; null where its agent sends none, as a stock agent does. An
 *  event that names another boot than that, or than the one that began the workflow, says nothing. */
export function advance(
  workflow: Workflow,
  event: WorkflowEvent,
  now: Date,
  present: string | null,
): Workflow {
  if (!isActive(workflow)) return workflow;
  const bootId = event.boot_id ?? present;
  const { state, startedByBoot } = statusOf(workflow);
  const own = state === 'STATE_RUNNING' ? (startedByBoot ?? present) : present;
  if (bootId !== own && (event.boot_id ?? null) !== null) return workflow;
  const at = now.toISOString();
  const after = moved(run(workflow, bootId, at), event, now, bootId);
  return bootId === null ? heard(workflow, after, at) : after;
}

/** A running workflow after an event of the boot `bootId`. */
function moved(
  running: Workflow,
  event: WorkflowEvent,
  now: Date,
  bootId: string | null,
): Workflow {
  const at = now.toISOString();
  switch (event.type) {
    case 'started':
      return running;
    case 'action_started': {
      const started = startAction(running, event.action, at);
      if (!leavesAgent(started, event.action)) return started;
      return bootId === null ? finishUnconfirmed(started, now) : withLeft(started, at);
    }
    case 'action_progress':
      return reportProgress(running, event, bootId);
    case 'action_completed':
      return completeAction(running, event, now);
    case 'completed':
      if (event.success && awaitsSign(running)) return leave(running, at);
      return event.success
        ? finish(running, 'STATE_SUCCESS', now, null)
        : finish(running, 'STATE_FAILED', now, failureOf(running, event.error));
  }
}

function run(workflow: Workflow, bootId: string | null, at: string): Workflow {
  const status = statusOf(workflow);
  if (status.state === 'STATE_RUNNING') return workflow;
  return withStatus(workflow, {
    state: 'STATE_RUNNING',
    startedAt: status.startedAt ?? at,
    startedByBoot: bootId,
    ranSeconds: status.ranSeconds ?? 0,
  });
}

/** Only its silence tells an agent without boot_id from the next boot's. Once its machine has asked for a boot script,
 *  an event that says nothing new may be one that was on its way, and does not speak for the agent. */
function heard(before: Workflow, after: Workflow, at: string): Workflow {
  const { lastEventAt = '', bootAskedAt = '' } = statusOf(before);
  const seemsReset = Date.parse(bootAskedAt) >= Date.parse(lastEventAt);
  const isDoubted = seemsReset && after === before;
  return withStatus(after, { lastEventAt: at, ...(isDoubted ? { bootAskedAt: at } : {}) });
}

/** The workflow of a machine that asks for its boot script: marked where its agent is told from a later one by
 *  nothing else. The same object where it was, or does not run. */
export function bootAsked(workflow: Workflow, now: Date): Workflow {
  const { state, startedByBoot, lastEventAt = '', bootAskedAt = '' } = statusOf(workflow);
  if (state !== 'STATE_RUNNING' || startedByBoot !== null) return workflow;
  const isMarked = Date.parse(bootAskedAt) >= Date.parse(lastEventAt);
  return isMarked ? workflow : withStatus(workflow, { bootAskedAt: now.toISOString() });
}

/** True if the workflow has to wait for a sign after its agent's last report. */
function awaitsSign(workflow: Workflow): boolean {
  const isOurs = typeof statusOf(workflow).startedByBoot === 'string';
  return isOurs && confirmationFor(workflow) !== 'none';
}

/** The sign that the workflow waits for after its last action. One of version 0.1.0 waits for none. */
export function confirmationFor({ spec }: Workflow): Confirmation {
  return spec.plan?.confirmation ?? 'none';
}

function withLeft(workflow: Workflow, at: string): Workflow {
  const isKnown = statusOf(workflow).left !== undefined;
  return isKnown || !awaitsSign(workflow) ? workflow : withStatus(workflow, { left: { at } });
}

/** The agent has finished its part. */
function leave(workflow: Workflow, at: string): Workflow {
  const { actions = [], currentAction = null } = statusOf(workflow);
  const isOpen = actions.some(({ status }) => status === 'STATE_RUNNING');
  const left = withLeft(workflow, at);
  if (!isOpen && currentAction === null) return left;
  const ended = { status: 'STATE_SUCCESS', completedAt: at } as const;
  const done = actions.map((action): WorkflowAction =>
    action.status === 'STATE_RUNNING' ? { ...action, ...ended } : action,
  );
  return withStatus(left, { currentAction: null, progress: 100, actions: done });
}

/** True if the agent falls silent after this: the workflow's last action ends it. */
function leavesAgent(workflow: Workflow, action: string): boolean {
  const last = statusOf(workflow).actions?.at(-1);
  const isLast = last?.name === action && last.status === 'STATE_RUNNING';
  return isLast && (action === 'reboot' || action === 'kexec');
}

function finishUnconfirmed(workflow: Workflow, now: Date): Workflow {
  const last = (statusOf(workflow).actions ?? []).length - 1;
  const message = 'as its agent reported, not confirmed';
  const ended = { status: 'STATE_SUCCESS', completedAt: now.toISOString(), message } as const;
  const finished = finish(withAction(workflow, last, ended, {}), 'STATE_SUCCESS', now, null);
  return withStatus(finished, { confirmed: false });
}

function startAction(workflow: Workflow, name: string, at: string): Workflow {
  const actions = statusOf(workflow).actions ?? [];
  if (actions.some((a) => a.name === name && a.status === 'STATE_RUNNING')) return workflow;
  const index = actions.findIndex((a) => a.name === name && a.status === 'STATE_PENDING');
  if (index === -1) return workflow;
  const started: Partial<WorkflowAction> = { status: 'STATE_RUNNING', startedAt: at };
  return withAction(workflow, index, started, { currentAction: name });
}

function reportProgress(
  workflow: Workflow,
  event: Extract<WorkflowEvent, { type: 'action_progress' }>,
  bootId: string | null,
): Workflow {
  const actions = statusOf(workflow).actions ?? [];
  const index = actions.findIndex((a) => a.name === event.action && a.status === 'STATE_RUNNING');
  if (index === -1) return workflow;
  const { percent, message } = event.progress;
  const progress = overallProgress(actions, percent ?? 0);
  // An agent without boot_id may be overtaken by its own words.
  if (bootId === null && progress < (statusOf(workflow).progress ?? 0)) return workflow;
  const same =
    progress === statusOf(workflow).progress && (message ?? null) === actions[index]?.message;
  const bytes = bytesOf(event.progress);
  return same
    ? workflow
    : withAction(workflow, index, { message: message ?? null, ...bytes }, { progress });
}

function bytesOf({
  bytes_transferred: done,
  bytes_total: total,
}: Extract<WorkflowEvent, { type: 'action_progress' }>['progress']): Partial<WorkflowAction> {
  return {
    ...(done === undefined || done === null ? {} : { transferredBytes: done }),
    ...(total === undefined || total === null ? {} : { totalBytes: total }),
  };
}

/** Completes the running action of that name. A pending one is completed only if its name is unique (the
 *  event of its start was lost): a repeat must not complete the next action of the same name. */
function completeAction(
  workflow: Workflow,
  { action: name, success, report, output }: Extract<WorkflowEvent, { type: 'action_completed' }>,
  now: Date,
): Workflow {
  const actions = statusOf(workflow).actions ?? [];
  const named = actions.filter((a) => a.name === name);
  const action =
    named.find((a) => a.status === 'STATE_RUNNING') ??
    (named.length === 1 && named[0]?.status === 'STATE_PENDING' ? named[0] : undefined);
  if (action === undefined) return workflow;
  const startedMs = typeof action.startedAt === 'string' ? Date.parse(action.startedAt) : undefined;
  const completed: Partial<WorkflowAction> = {
    status: success ? 'STATE_SUCCESS' : 'STATE_FAILED',
    completedAt: now.toISOString(),
    seconds: startedMs === undefined ? null : wholeSeconds((now.getTime() - startedMs) / 1000),
    ...(report === undefined ? {} : { report }),
    ...(output === undefined || output.length === 0 ? {} : { output }),
  };
  const after = withAction(workflow, actions.indexOf(action), completed, { currentAction: null });
  return withStatus(after, { progress: overallProgress(statusOf(after).actions ?? [], 0) });
}

/** Ends the workflow. Returns the same object if it had ended before. */
export function finish(
  workflow: Workflow,
  state: WorkflowState,
  now: Date,
  error: string | null,
  cancelled = false,
): Workflow {
  if (!isActive(workflow)) return workflow;
  const completedAt = now.toISOString();
  // Running actions end with it; those that have not begun never will.
  const ended = {
    status: state === 'STATE_TIMEOUT' ? state : 'STATE_FAILED',
    completedAt,
  } as const;
  const stopped = statusOf(workflow).actions?.map((action): WorkflowAction =>
    action.status === 'STATE_RUNNING' ? { ...action, ...ended } : action,
  );
  return withStatus(workflow, {
    state,
    error,
    completedAt,
    currentAction: null,
    ...(stopped === undefined || state === 'STATE_SUCCESS' ? {} : { actions: stopped }),
    ...(state === 'STATE_SUCCESS' ? { progress: 100 } : {}),
    ...(cancelled ? { cancelled } : {}),
  });
}

/** The share of an action in the time that a workflow takes, to that of a file or a reboot. */
const weights: Readonly<Record<string, number>> = {
  image2disk: 80,
  debootstrap: 80,
  jetpack: 40,
  partition: 5,
};

/** Finished actions plus the running one's share by their weights, from 0 to 100. */
function overallProgress(actions: readonly WorkflowAction[], percent: number): number {
  let [all, done] = [0, 0];
  for (const { name, status } of actions) {
    const weight = weights[name] ?? 1;
    all += weight;
    if (status === 'STATE_SUCCESS') done += weight;
    else if (status === 'STATE_RUNNING') done += (weight * percent) / 100;
  }
  return Math.round((done / Math.max(1, all)) * 100);
}

function failureOf(workflow: Workflow, told = 'the agent reported a failure'): string {
  const failed = statusOf(workflow).actions?.find((a) => a.status === 'STATE_FAILED');
  if (failed === undefined) return told;
  return `${failed.name} failed${typeof failed.message === 'string' ? `: ${failed.message}` : ''}`;
}

/** The workflow's status, pending if it has none yet. */
export function statusOf(workflow: Workflow): WorkflowStatus {
  return workflow.status ?? { state: 'STATE_PENDING' };
}

export function withStatus(workflow: Workflow, change: Partial<WorkflowStatus>): Workflow {
  return { ...workflow, status: { ...statusOf(workflow), ...change } };
}

function withAction(
  workflow: Workflow,
  index: number,
  change: Partial<WorkflowAction>,
  status: Partial<WorkflowStatus>,
): Workflow {
  const actions = (statusOf(workflow).actions ?? []).map((action, i) =>
    i === index ? { ...action, ...change } : action,
  );
  return withStatus(workflow, { ...status, actions });
}
