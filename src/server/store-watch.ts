// Watches the store and passes on what changes there, by this server or another one: to what is remembered of the store,
// to webhooks, and as events.
import { describeError } from '../core/errors.ts';
import { isActive, type Workflow } from '../model/documents/workflow.ts';
import { privatePrefix } from '../store/collections/tokens.ts';
import type { StoreChange } from '../store/store.ts';
import { holdSetting } from './machines/boot-settings.ts';
import type { QuietWrites } from './running/quiet-writes.ts';
import type { MachineTexts } from './running/search/machine-texts.ts';
import { sshKeysSetting } from './rules/settings/ssh-keys.ts';
import { statusOf } from './rules/workflow/progress.ts';
import type { Services } from './services.ts';

const rewatchMs = 2000;

/** Watches the store, as soon as it can be watched. Until then nothing that is remembered of it counts. */
export async function watchForEver(
  s: Services,
  quiet: QuietWrites,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    const given = new AbortController();
    try {
      await watchStore(s, quiet, AbortSignal.any([signal, given.signal]));
      for (const followed of allFollowed(s)) followed.isWatched = true;
      if (attempt > 1) startOver(s);
      else await s.webhooks.reload();
      return;
    } catch (err) {
      given.abort();
      for (const followed of allFollowed(s)) followed.isWatched = false;
      s.log.warn({ error: describeError(err) }, 'the store cannot be watched yet, will retry');
    }
    await s.clock.sleep(rewatchMs, signal).catch(() => {});
  }
}

function allFollowed({
  fleet,
  sshKeys,
  texts,
}: Services): readonly Pick<MachineTexts, 'changed' | 'isWatched'>[] {
  return [...Object.values(fleet), sshKeys, texts];
}

/** Anything may have changed. */
function startOver(s: Services): void {
  for (const followed of allFollowed(s)) followed.changed(undefined);
  s.decisions.forget(undefined);
  s.lastCheckins.forget();
  s.webhooks.startOver();
  s.events.publish('reset', {});
}

/** Passes on changes in the store, made by this server or another one. */
async function watchStore(s: Services, quiet: QuietWrites, signal: AbortSignal): Promise<void> {
  await s.store.watch((change) => {
    if (change === undefined) {
      startOver(s);
      return;
    }
    if (change.kind === 'machines' && quiet.takes(change)) return;
    passOn(s, change);
  }, signal);
}

/** Tells all that follow the store of a change. */
export function passOn(s: Services, change: StoreChange): void {
  s.webhooks.changed(change);
  announcements[change.kind]?.(s, change);
}

type Change = Omit<StoreChange, 'kind'>;

/** The events that watchers get of a change. Kinds that are not listed cause none. */
const announcements: Partial<Record<StoreChange['kind'], (s: Services, change: Change) => void>> = {
  machines(s, { id, removed }) {
    s.fleet.machines.changed(id);
    s.texts.changed(id);
    s.decisions.forget(id);
    s.events.publish(removed ? 'machine.deleted' : 'machine.changed', { machine_id: id });
  },
  workflows(s, { id, removed }) {
    s.fleet.workflows.changed(id);
    if (id !== undefined && !removed) void announceWorkflow(s, id);
  },
  templates(s, { id, removed }) {
    s.events.publish('template.changed', { name: id, removed });
  },
  settings(s, { id, removed }) {
    if (id?.startsWith(privatePrefix) === true) return;
    s.sshKeys.changed(id);
    if (id?.startsWith(holdSetting) === true || id?.startsWith(sshKeysSetting) === true)
      s.decisions.forget(undefined);
    s.events.publish('setting.changed', { key: id, removed });
  },
  conflicts(s, { id, removed }) {
    s.fleet.conflicts.changed(id);
    s.events.publish('conflict.changed', { conflict_id: id, removed });
  },
};

/** A workflow that ended longer ago was measured when it did, by this run of the server or the one before. */
const justEndedMs = 60_000;

/** Measures a workflow that ended just now, once. */
function measureEnd(s: Services, id: string, workflow: Workflow): void {
  const { state, startedAt, completedAt } = statusOf(workflow);
  if (isActive(workflow) || typeof startedAt !== 'string' || typeof completedAt !== 'string')
    return;
  const isNews = s.clock.now().getTime() - Date.parse(completedAt) < justEndedMs;
  if (!isNews) return;
  const seconds = (Date.parse(completedAt) - Date.parse(startedAt)) / 1000;
  s.metrics.workflowEnded(id, state, Math.max(0, seconds));
}

/** Announces a workflow's progress and machine, for those who watch the machine. */
async function announceWorkflow(s: Services, id: string): Promise<void> {
  try {
    const found = await s.store.workflows.get(id);
    if (found === undefined) return;
    const { state, progress, currentAction, error } = statusOf(found.value);
    const machine_id = found.value.spec.hardwareRef;
    measureEnd(s, id, found.value);
    s.decisions.forget(machine_id);
    s.events.publish('workflow.changed', {
      workflow_id: id,
      machine_id,
      state,
      progress: progress ?? null,
      current_action: currentAction ?? null,
      error: error ?? null,
    });
  } catch (err) {
    s.log.warn({ workflow_id: id, error: describeError(err) }, 'a workflow could not be announced');
  }
}
