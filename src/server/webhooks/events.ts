// The events that writes to the store are, as webhooks post them. They say what changed, as those of the event stream
// do, and nothing that a receiver may not see.
import type { IdentityConflict } from '../../model/history.ts';
import { noMachine, type PostedEvent } from '../../model/documents/webhook.ts';
import type { Workflow } from '../../model/documents/workflow.ts';
import type { Machine } from '../../model/machine.ts';
import { privatePrefix } from '../../store/collections/tokens.ts';
import type { Write } from '../../store/store.ts';
import { statusOf } from '../rules/workflow/progress.ts';

/** An event without its time, and the lane that it keeps its order in. */
export interface Happening {
  readonly type: string;
  readonly lane: string;
  readonly data: PostedEvent['data'];
}

/** The event that a write is to others; undefined where it is none. */
export function happeningOf(write: Write): Happening | undefined {
  return happenings[write.kind]?.(write);
}

/** An event about a machine, or about none. */
export function happening(type: string, data: PostedEvent['data']): Happening {
  const { machine_id: machineId } = data;
  return { type, lane: typeof machineId === 'string' ? machineId : noMachine, data };
}

const happenings: Partial<Record<Write['kind'], (write: Write) => Happening | undefined>> = {
  machines({ name, document, isNew }) {
    if (document === undefined) return happening('machine.deleted', { machine_id: name });
    if (!isNew) return happening('machine.changed', { machine_id: name });
    // The table of machines holds nothing else.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const { config } = document as Machine;
    return happening('machine.registered', { machine_id: name, name: config.memorable_name });
  },
  workflows({ name, document }) {
    if (document === undefined) return undefined;
    // The table of workflows holds nothing else.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const workflow = document as Workflow;
    const { state, progress, currentAction, error } = statusOf(workflow);
    return happening('workflow.changed', {
      workflow_id: name,
      machine_id: workflow.spec.hardwareRef,
      state,
      progress: progress ?? null,
      current_action: currentAction ?? null,
      error: error ?? null,
    });
  },
  templates: ({ name, document }) =>
    happening('template.changed', { name, removed: document === undefined }),
  settings: ({ name, document }) =>
    name.startsWith(privatePrefix)
      ? undefined
      : happening('setting.changed', { key: name, removed: document === undefined }),
  conflicts({ name, document }) {
    const removed = document === undefined;
    if (removed) return happening('conflict.changed', { conflict_id: name, removed });
    // The table of conflicts holds nothing else.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const { machine_id } = document as IdentityConflict;
    return happening('conflict.changed', { conflict_id: name, machine_id, removed });
  },
};
