// Workflows: how one is made, how the events of its agent move it on, and what that does to its
// machine. A workflow and its machine are two records: `settle` brings the second after the first,
// as often as it is asked.
import { AppError, isAppError } from '../core/errors.ts';
import type { WorkflowEvent } from '../model/api.ts';
import { existingOs, stateName, type Machine } from '../model/machine.ts';
import type { Template } from '../model/template.ts';
import {
  isActive,
  type Workflow,
  type WorkflowAction,
  type WorkflowState,
  type WorkflowStatus,
} from '../model/workflow.ts';
import type { Versioned } from '../store/store.ts';
import { changeMachine } from './machines.ts';
import type { Services } from './services.ts';
import { nextState } from './states.ts';
import { writesDisks } from './templates.ts';

const attempts = 20;

/** Makes a workflow for a machine and queues it there. Errors: AppError `machine.has-os` unless
 *  `reimage`, `workflow.active`, `machine.wrong-state`, `machine.unknown`, `store.*`. */
export async function createWorkflow(
  s: Services,
  machineId: string,
  template: Template,
  reimage: boolean,
): Promise<Workflow> {
  const workflow = newWorkflow(s, machineId, template, reimage);
  const id = workflow.metadata.name;
  // First the workflow, then who refers to it: a crash between leaves a workflow that nobody runs.
  await s.store.putWorkflow(workflow, 'absent');
  try {
    await changeMachine(s, machineId, (machine) => {
      refuseSecondWorkflow(machine);
      refuseOverwriting(machine, template, reimage);
      return {
        ...machine,
        config: { ...machine.config, os_choice: template.metadata.name },
        status: {
          ...machine.status,
          state: nextState(machine.status.state, 'workflow created'),
          current_workflow: id,
        },
      };
    });
  } catch (err) {
    await s.store.deleteWorkflow(id);
    throw err;
  }
  return workflow;
}

/** Errors: AppError `workflow.active`. */
export function refuseSecondWorkflow(machine: Machine): void {
  const current = machine.status.current_workflow;
  if (current === null) return;
  throw new AppError('workflow.active', `the machine has a workflow, ${current}; cancel it first`, {
    details: { workflow_id: current },
  });
}

function refuseOverwriting(machine: Machine, template: Template, reimage: boolean): void {
  const os = existingOs(machine);
  const provisioned = stateName(machine.status.state) === 'Provisioned';
  if (reimage || !writesDisks(template) || (os === null && !provisioned)) return;
  throw new AppError(
    'machine.has-os',
    `the template ${template.metadata.name} would overwrite ${os?.name ?? 'the provisioned system'}; repeat with "reimage": true to do so`,
    { details: { existing_os: os } },
  );
}

/** The workflow. Errors: AppError `workflow.unknown`. */
export async function loadWorkflow(s: Services, id: string): Promise<Versioned<Workflow>> {
  const found = await s.store.getWorkflow(id);
  if (found === undefined) {
    throw new AppError('workflow.unknown', `there is no workflow ${id}`, {
      details: { workflow_id: id },
    });
  }
  return found;
}

/** Applies what an agent reports. A repeated event, and any event of a finished workflow, changes
 *  nothing. Errors: AppError `workflow.unknown`, `store.*`. */
export function applyEvent(s: Services, id: string, event: WorkflowEvent): Promise<Workflow> {
  return changeWorkflow(s, id, (workflow) => advance(workflow, event, s.clock.now()));
}

/** Errors: AppError `workflow.unknown`, `workflow.finished`, `store.*`. */
export function cancelWorkflow(s: Services, id: string): Promise<Workflow> {
  return changeWorkflow(s, id, (workflow) => {
    if (!isActive(workflow)) {
      throw new AppError('workflow.finished', `the workflow ${id} is finished already`);
    }
    return finish(workflow, 'STATE_FAILED', s.clock.now(), 'cancelled by an operator', true);
  });
}

/** Ends a workflow, if it still goes on, because of something that its agent does not report. */
export function failWorkflow(s: Services, id: string, error: string): Promise<Workflow> {
  return changeWorkflow(s, id, (w) => finish(w, 'STATE_FAILED', s.clock.now(), error));
}

/** Ends a workflow that runs longer than its template allows. */
export async function expireWorkflow(s: Services, id: string): Promise<void> {
  await changeWorkflow(s, id, (workflow) => {
    const { startedAt, globalTimeout } = statusOf(workflow);
    if (typeof startedAt !== 'string' || typeof globalTimeout !== 'number' || globalTimeout === 0) {
      return workflow;
    }
    const now = s.clock.now();
    if (now.getTime() - Date.parse(startedAt) < globalTimeout * 1000) return workflow;
    return finish(workflow, 'STATE_TIMEOUT', now, `not finished after ${globalTimeout} s`);
  });
}

async function changeWorkflow(
  s: Services,
  id: string,
  change: (workflow: Workflow) => Workflow,
): Promise<Workflow> {
  for (let attempt = 1; ; attempt++) {
    const { value: before, revision } = await loadWorkflow(s, id);
    const after = change(before);
    try {
      if (after !== before) await s.store.putWorkflow(after, { revision });
    } catch (err) {
      if (isAppError(err, 'store.conflict') && attempt < attempts) continue;
      throw err;
    }
    // Also when nothing changed: the server may have died between the two records.
    await settleMachine(s, after);
    return after;
  }
}

async function settleMachine(s: Services, workflow: Workflow): Promise<void> {
  try {
    await changeMachine(s, workflow.spec.hardwareRef, (m) => settle(m, workflow, s.clock.now()));
  } catch (err) {
    // The machine was deleted meanwhile: nothing is left to settle.
    if (!isAppError(err, 'machine.unknown')) throw err;
  }
}

/** What the state of its current workflow makes of a machine; the same machine when nothing. */
function settle(machine: Machine, workflow: Workflow, now: Date): Machine {
  if (machine.status.current_workflow !== workflow.metadata.name) return machine;
  const { status } = machine;
  const { state: progress, error, completedAt, cancelled } = statusOf(workflow);
  if (progress === 'STATE_PENDING') return machine;
  if (progress === 'STATE_RUNNING') {
    if (stateName(status.state) === 'Provisioning') return machine;
    return {
      ...machine,
      status: { ...status, state: nextState(status.state, 'workflow started') },
    };
  }
  const at = completedAt ?? now.toISOString();
  const succeeded = progress === 'STATE_SUCCESS';
  const message = error ?? 'the workflow failed';
  const cause = cancelled === true ? 'workflow cancelled' : 'workflow failed';
  return {
    ...machine,
    status: {
      ...status,
      state: succeeded
        ? nextState(status.state, 'workflow succeeded')
        : nextState(status.state, cause, message),
      current_workflow: null,
      last_workflow_result: succeeded
        ? { Success: { completed_at: at } }
        : { Failed: { error: message, failed_at: at } },
    },
  };
}

function newWorkflow(
  s: Services,
  machineId: string,
  template: Template,
  reimage: boolean,
): Workflow {
  return {
    apiVersion: 'dragonfly.computer/v1',
    kind: 'Workflow',
    metadata: { name: s.newId() },
    spec: {
      hardwareRef: machineId,
      templateRef: template.metadata.name,
      hardwareMap: {},
      reimage,
      writesDisks: writesDisks(template),
    },
    status: {
      state: 'STATE_PENDING',
      currentAction: null,
      progress: 0,
      globalTimeout: template.spec.timeout ?? null,
      startedAt: null,
      completedAt: null,
      error: null,
      actions: template.spec.actions.map(({ action }) => ({
        name: action,
        status: 'STATE_PENDING',
        startedAt: null,
        completedAt: null,
        seconds: null,
        message: null,
      })),
    },
  };
}

/** The workflow after an event of its agent; the same one when the event says nothing new. Pure. */
export function advance(workflow: Workflow, event: WorkflowEvent, now: Date): Workflow {
  if (!isActive(workflow)) return workflow;
  const at = now.toISOString();
  switch (event.type) {
    case 'started':
      return run(workflow, at);
    case 'action_started':
      return startAction(run(workflow, at), event.action, at);
    case 'action_progress':
      return reportProgress(run(workflow, at), event);
    case 'action_completed':
      return completeAction(run(workflow, at), event.action, event.success, now);
    case 'completed':
      return event.success
        ? finish(workflow, 'STATE_SUCCESS', now, null)
        : finish(workflow, 'STATE_FAILED', now, failureOf(workflow));
  }
}

function run(workflow: Workflow, at: string): Workflow {
  const status = statusOf(workflow);
  if (status.state === 'STATE_RUNNING') return workflow;
  return withStatus(workflow, { state: 'STATE_RUNNING', startedAt: status.startedAt ?? at });
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
): Workflow {
  const actions = statusOf(workflow).actions ?? [];
  const index = actions.findIndex((a) => a.name === event.action && a.status === 'STATE_RUNNING');
  if (index === -1) return workflow;
  const { percent, message } = event.progress;
  const progress = overallProgress(actions, percent ?? 0);
  const same =
    progress === statusOf(workflow).progress && (message ?? null) === actions[index]?.message;
  return same ? workflow : withAction(workflow, index, { message: message ?? null }, { progress });
}

/** A repeat must not complete the next action of the same name, so a pending one is completed only
 *  where its name is unique: then the event that it started was lost. */
function completeAction(workflow: Workflow, name: string, success: boolean, now: Date): Workflow {
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
    seconds: startedMs === undefined ? null : (now.getTime() - startedMs) / 1000,
  };
  const after = withAction(workflow, actions.indexOf(action), completed, { currentAction: null });
  return withStatus(after, { progress: overallProgress(statusOf(after).actions ?? [], 0) });
}

function finish(
  workflow: Workflow,
  state: WorkflowState,
  now: Date,
  error: string | null,
  cancelled = false,
): Workflow {
  if (!isActive(workflow)) return workflow;
  return withStatus(workflow, {
    state,
    error,
    completedAt: now.toISOString(),
    currentAction: null,
    ...(state === 'STATE_SUCCESS' ? { progress: 100 } : {}),
    ...(cancelled ? { cancelled } : {}),
  });
}

/** 0–100: finished actions, and the part of the running one. */
function overallProgress(actions: readonly WorkflowAction[], percent: number): number {
  const done = actions.filter((a) => a.status === 'STATE_SUCCESS').length;
  return Math.round(((done + percent / 100) / Math.max(1, actions.length)) * 100);
}

function failureOf(workflow: Workflow): string {
  const failed = statusOf(workflow).actions?.find((a) => a.status === 'STATE_FAILED');
  if (failed === undefined) return 'the agent reported a failure';
  return `${failed.name} failed${typeof failed.message === 'string' ? `: ${failed.message}` : ''}`;
}

/** The status, of a workflow that has none yet too. */
export function statusOf(workflow: Workflow): WorkflowStatus {
  return workflow.status ?? { state: 'STATE_PENDING' };
}

function withStatus(workflow: Workflow, change: Partial<WorkflowStatus>): Workflow {
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
