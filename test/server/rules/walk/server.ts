// The server of the walk: the rules under test, composed as the services compose them, over records in memory.
import type { WorkflowEvent } from '../../../../src/model/api/agent.ts';
import { isActive, type Workflow } from '../../../../src/model/documents/workflow.ts';
import type { StoredDisk } from '../../../../src/model/hardware/disk.ts';
import type { Machine } from '../../../../src/model/machine.ts';
import { decide, decideBoot, mayBegin } from '../../../../src/server/rules/decide.ts';
import { planWorkflow } from '../../../../src/server/rules/plan/plan.ts';
import { nextState } from '../../../../src/server/rules/states.ts';
import { arrive, pass } from '../../../../src/server/rules/workflow/arrival.ts';
import { advance, finish } from '../../../../src/server/rules/workflow/progress.ts';
import { review } from '../../../../src/server/rules/workflow/review.ts';
import { settle } from '../../../../src/server/rules/workflow/settle.ts';
import { templateOfWorkflow } from '../../../../src/server/rules/workflow/template.ts';
import type { Content, Disks, Records } from './world.ts';

/** The rules that are walked, and what the agent keeps to. A test plants a fault by replacing one. */
export interface Rules {
  readonly decide: typeof decide;
  readonly decideBoot: typeof decideBoot;
  readonly mayBegin: typeof mayBegin;
  readonly advance: typeof advance;
  readonly review: typeof review;
  readonly templateOfWorkflow: typeof templateOfWorkflow;
  readonly holdsRestored: boolean;
  /** The agent writes nothing before the server has agreed. */
  readonly agentWaits: boolean;
  /** The agent stops what is over. */
  readonly agentStops: boolean;
  /** The agent compares its disk with the plan. */
  readonly agentCompares: boolean;
}

export const rules: Rules = {
  decide,
  decideBoot,
  mayBegin,
  advance,
  review,
  templateOfWorkflow,
  holdsRestored: true,
  agentWaits: true,
  agentStops: true,
  agentCompares: true,
};

/** Two writes, one after the other: a server may die between them. */
export interface Written {
  readonly records: Records;
  /** With the workflow's record alone. */
  readonly halfway: Records;
}

/** Changes a workflow, and its machine with it. */
function change(
  records: Records,
  id: string,
  next: (workflow: Workflow) => Workflow,
  now: Date,
): Written {
  const before = records.workflows[id];
  if (before === undefined) return { records, halfway: records };
  const after = next(before);
  const halfway = { ...records, workflows: { ...records.workflows, [id]: after } };
  return { halfway, records: { ...halfway, machine: settle(records.machine, after, now) } };
}

/** The disks as the agent of a boot tells them: in each boot the kernel finds them in another order. */
export function disksIn(boot: number, disks: Disks): StoredDisk[] {
  const serials = boot % 2 === 1 ? (['S1', 'S2'] as const) : (['S2', 'S1'] as const);
  return serials.map((serial, i) => {
    const device = i === 0 ? '/dev/sda' : '/dev/sdb';
    const size_bytes = serial === 'S1' ? 240_057_409_536 : 960_197_124_096;
    return {
      device,
      serial,
      size_bytes,
      model: 'SSD',
      contents: contentsOf(device, disks[serial]),
    };
  });
}

function contentsOf(device: string, content: Content) {
  if (content === 'blank') return [];
  if (content === 'data') return [{ device: `${device}1`, type: 'ext4', uuid: 'of an operator' }];
  return content.isWhole
    ? [{ device: `${device}1`, type: 'ext4', uuid: content.by }]
    : [{ device, type: 'data' }];
}

export interface Answer extends Written {
  readonly action: string;
  readonly workflowId: string | null;
}

/** A check-in from the image. */
export function checkIn(
  { decide: deciding, review: reviewing }: Rules,
  records: Records,
  bootId: string,
  disks: readonly StoredDisk[],
  now: Date,
): Answer {
  const os = disks.find(({ contents = [] }) => contents.some(isSystem));
  const machine = {
    ...records.machine,
    hardware: { ...records.machine.hardware, disks: [...disks] },
    report: {
      at: now.toISOString(),
      hostname: null,
      ip_address: null,
      bmc_address: null,
      existing_os: os === undefined ? null : { name: 'Debian 12', device: `${os.device}1` },
      tells_os: os !== undefined,
      nameservers: [],
      boot_id: bootId,
      agent_version: '0.2.0',
      matched_by: 'identity_hash' as const,
      evidence: [],
      problems: [],
    },
  };
  return order(deciding, reviewing, { ...records, machine }, now);
}

function isSystem({ uuid }: { uuid?: string | null }): boolean {
  return uuid !== undefined && uuid !== null && uuid !== 'of an operator';
}

/** The order of the machine's present boot. */
export function order(
  deciding: Rules['decide'],
  reviewing: Rules['review'],
  records: Records,
  now: Date,
): Answer {
  const id = records.machine.status.current_workflow ?? '';
  const look = (workflow: Workflow) => reviewing(records.machine, workflow, now);
  const before = records.workflows[id];
  const isSame = before === undefined || look(before) === before;
  const written = isSame ? { records, halfway: records } : change(records, id, look, now);
  const { machine, workflows } = written.records;
  const current = workflows[machine.status.current_workflow ?? ''];
  const { action, workflowId } = deciding(machine, current, { now, isHeld: false });
  return { ...written, action, workflowId };
}

/** An event of an agent; `isBegun` where it was one that begins, and was taken. */
export function takeEvent(
  { advance: advancing, mayBegin: may }: Rules,
  records: Records,
  workflowId: string,
  event: WorkflowEvent,
  now: Date,
): Written & { readonly isBegun: boolean } {
  const { machine } = records;
  const present = machine.report?.boot_id ?? null;
  const boot = event.boot_id ?? '';
  const isBegin = event.type === 'started';
  const allowed = (workflow: Workflow): boolean => may(machine, workflow, boot, now);
  const written = change(
    records,
    workflowId,
    (w) => (!isBegin || allowed(w) ? advancing(w, event, now, present) : w),
    now,
  );
  const after = written.halfway.workflows[workflowId];
  return { ...written, isBegun: isBegin && after !== undefined && allowed(after) };
}

/** An operator's order; undefined where the server refuses it. */
export function createWorkflow(
  records: Records,
  id: string,
  { reimage, retry }: { reimage: boolean; retry: boolean },
): Written | undefined {
  const { machine, workflows, template } = records;
  const current = machine.status.current_workflow;
  if (template === undefined || (current !== null && workflows[current] !== undefined))
    return undefined;
  try {
    const plan = planWorkflow(machine, template, {
      reimage,
      confirmed: false,
      confirmation: 'absence',
    });
    const workflow: Workflow = {
      kind: 'Workflow',
      metadata: { name: id },
      spec: {
        hardwareRef: machine.id,
        templateRef: 'debian',
        reimage,
        retry,
        writesDisks: true,
        plan,
        template,
      },
      status: {
        state: 'STATE_PENDING',
        actions: template.spec.actions.map(({ action }) => ({
          name: action,
          status: 'STATE_PENDING',
        })),
      },
    };
    const { overdue_workflow: _overdue, ...rest } = machine;
    const state = nextState(machine.status.state, 'workflow created');
    const queued: Machine = {
      ...rest,
      status: { ...machine.status, state, current_workflow: id },
    };
    const halfway = { ...records, workflows: { ...workflows, [id]: workflow } };
    return { halfway, records: { ...halfway, machine: queued } };
  } catch {
    return undefined;
  }
}

export function cancel(records: Records, id: string, now: Date): Written {
  return change(records, id, (w) => finish(w, 'STATE_FAILED', now, 'cancelled', true), now);
}

/** Much time passes: 20,000 s for a workflow that runs, and for one that has left what `sign` says. */
export function letPass(
  records: Records,
  id: string,
  seconds: number,
  isHeard: boolean,
  now: Date,
): Written {
  const where = { isHeard, sentAt: null, returns: 0 };
  return change(records, id, (w) => pass(pass(w, 100, where, now), seconds, where, now), now);
}

export function report(records: Records, id: string, now: Date): Written {
  return change(records, id, (w) => arrive(w, now), now);
}

/** The records of a server that was restored from a backup. */
export function restored({ holdsRestored }: Rules, backup: Records): Records {
  const held = Object.entries(backup.workflows).map(([id, workflow]) => [
    id,
    isActive(workflow) && holdsRestored
      ? { ...workflow, held: 'restored from a backup' }
      : workflow,
  ]);
  return { ...backup, workflows: Object.fromEntries(held) };
}

export function release(records: Records, id: string): Records {
  const workflow = records.workflows[id];
  if (workflow === undefined) return records;
  const { held: _held, ...released } = workflow;
  return { ...records, workflows: { ...records.workflows, [id]: released } };
}
