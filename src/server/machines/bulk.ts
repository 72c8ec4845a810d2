// One change for many machines, each independent of the others; or, with dry_run, what would become of each.
import { AppError, httpStatus } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { BulkOutlook, BulkRequest, BulkResponse } from '../../model/api/machines.ts';
import { mostTags } from '../../model/api/request.ts';
import type { Machine } from '../../model/machine.ts';
import { asStored } from '../../model/text/tag.ts';
import { refuseLosing } from '../access/inside.ts';
import type { Principal } from '../access/principal.ts';
import { tagsFrom } from '../rules/tags.ts';
import { answerable, failureOf } from '../rules/failures.ts';
import type { ServerSeen } from '../rules/fill/variables.ts';
import {
  applyPatch,
  deleteMachine,
  type DeleteServices,
  type PatchServices,
} from './machine-changes.ts';
import { changeMachine, loadMachine } from './machines.ts';
import {
  planForMachine,
  provision,
  type PlanServices,
  type Provisioning,
} from './workflows/provision.ts';
import {
  cancelWorkflow,
  loadWorkflow,
  refuseFinished,
  refuseSecondWorkflow,
  type WorkflowServices,
} from './workflows/workflows.ts';

export type BulkServices = PatchServices &
  DeleteServices &
  PlanServices &
  WorkflowServices & { readonly log: Log };

/** The number of machines that are changed at a time. */
const atOnce = 32;

/** Changes each machine by itself, whatever becomes of the others. With `dry_run` nothing is changed. Errors:
 *  AppError `request.invalid`. */
export async function changeMany(
  s: BulkServices,
  sent: BulkRequest,
  by: Principal,
  server: ServerSeen,
): Promise<BulkResponse> {
  refuseBoth(sent);
  const request = asMeant(sent);
  const left = [...new Set(request.ids)];
  const failed: BulkResponse['failed'] = [];
  const outlook: BulkOutlook[] = [];
  let changed = 0;
  const work = async (): Promise<void> => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      try {
        if (request.dry_run === true) outlook.push(await outlookOf(s, id, request, by, server));
        else await changeOne(s, id, request, by, server);
        changed += 1;
      } catch (err) {
        const failure = answerable(err);
        if (httpStatus(failure.code) === 500)
          s.log.error({ err, machine_id: id }, 'a machine of a bulk change failed');
        failed.push({ machine_id: id, failure: failureOf(failure) });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { changed, failed, ...(request.dry_run === true ? { outlook } : {}) };
}

/** The request with its machines' ids and new tags as they are stored. Errors: AppError `request.invalid`. */
function asMeant({ ids, plan_digests: digests, add_tags, ...changes }: BulkRequest): BulkRequest {
  const lower = Object.entries(digests ?? {}).map(([id, digest]) => [id.toLowerCase(), digest]);
  return {
    ...changes,
    ids: ids.map((id) => id.toLowerCase()),
    ...(add_tags === undefined ? {} : { add_tags: tagsFrom('add_tags', add_tags) }),
    ...(digests === undefined ? {} : { plan_digests: Object.fromEntries(lower) }),
  };
}

/** Deleting and cancelling go with no other change. Errors: AppError `request.invalid`. */
function refuseBoth({ ids: _ids, dry_run: _dry, ...changes }: BulkRequest): void {
  for (const alone of ['delete', 'cancel'] as const) {
    if (changes[alone] !== true || Object.keys(changes).length === 1) continue;
    throw new AppError('request.invalid', `body: ${alone} goes with no other change`, {
      details: { path: alone, part: 'body' },
    });
  }
}

async function changeOne(
  s: BulkServices,
  id: string,
  request: BulkRequest,
  by: Principal,
  server: ServerSeen,
): Promise<void> {
  if (request.delete === true) return deleteMachine(s, id);
  if (request.cancel === true) {
    // Where the services are those of a sender with tags, the machine may not be there any more.
    const refuse = async (): Promise<void> => void (await loadMachine(s, id));
    await cancelWorkflow(s, workflowOf((await loadMachine(s, id)).value), by, refuse);
    return;
  }
  // A machine whose workflow is refused gets no part of the change.
  if (request.workflow !== undefined) await outlookOf(s, id, request, by, server);
  await changeMachine(s, id, (machine) => changedBy(s, machine, request, by));
  if (request.workflow !== undefined) await provision(s, id, orderFor(id, request), server);
}

/** The order for one machine. Errors: AppError `plan.changed` where plans were shown, and none of this one. */
function orderFor(id: string, { workflow, plan_digests: shown }: BulkRequest): Provisioning {
  if (shown === undefined) return { ...workflow };
  const digest = shown[id];
  if (digest !== undefined) return { ...workflow, plan_digest: digest };
  throw new AppError(
    'plan.changed',
    'no plan of this machine was shown: ask for a dry run with it first',
    { details: { machine_id: id } },
  );
}

/** The machine with the changes of its record. Errors: those of patchMachine. */
async function changedBy(
  s: BulkServices,
  machine: Machine,
  request: BulkRequest,
  by: Principal,
): Promise<Machine> {
  const { add_tags = [], remove_tags = [], os_choice, offline } = request;
  const tags = new Set([...machine.config.tags, ...add_tags]);
  for (const tag of remove_tags) if (!tags.delete(tag)) tags.delete(asStored(tag));
  if (add_tags.length > 0 && tags.size > mostTags) throw tooManyTags();
  const retagged = add_tags.length + remove_tags.length > 0;
  const after = await applyPatch(s, machine, {
    ...(retagged ? { tags: [...tags] } : {}),
    ...(os_choice === undefined ? {} : { os_choice }),
    ...(offline === undefined ? {} : { offline }),
  });
  refuseLosing(by, after);
  return after;
}

function tooManyTags(): AppError {
  return new AppError('request.invalid', `a machine has at most ${mostTags} tags`, {
    details: { path: 'add_tags', part: 'body' },
  });
}

/** The outlook for a machine. Errors: as the change itself would fail. */
async function outlookOf(
  s: BulkServices,
  id: string,
  request: BulkRequest,
  by: Principal,
  server: ServerSeen,
): Promise<BulkOutlook> {
  const { value: machine } = await loadMachine(s, id);
  if (request.delete === true) {
    await refuseSecondWorkflow(s, machine);
    const tags = machine.config.tags.length === 0 ? [] : [`tags ${machine.config.tags.join(', ')}`];
    return { machine_id: id, does: ['forgotten'], loses: ['its record', 'its history', ...tags] };
  }
  if (request.cancel === true) {
    const { value: workflow } = await loadWorkflow(s, workflowOf(machine));
    refuseFinished(workflow);
    const isRunning = workflow.status?.state === 'STATE_RUNNING';
    const loses = isRunning ? ['its progress; the machine is left in Error'] : [];
    return { machine_id: id, does: ['workflow cancelled'], loses };
  }
  const after = await changedBy(s, machine, request, by);
  const does = differences(machine, after);
  if (request.workflow === undefined) return { machine_id: id, does, loses: [] };
  await refuseSecondWorkflow(s, machine);
  const plan = await planForMachine(s, after, orderFor(id, request), server);
  const { disk, overwrites, lost, warnings, plan_digest } = plan;
  const target = [disk?.device, disk?.model, disk?.serial, disk?.wwn].filter(Boolean).join(' ');
  if (overwrites)
    does.push(`overwrites ${target === '' ? 'a disk that the server does not know' : target}`);
  const actions = plan.actions.map(({ action }) => action).join(', ');
  return {
    machine_id: id,
    does: [...does, `runs ${actions}`, ...warnings],
    loses: lost,
    plan_digest,
  };
}

/** The differences between two records in words. */
function differences({ config, status }: Machine, after: Machine): string[] {
  const added = after.config.tags.filter((tag) => !config.tags.includes(tag));
  const removed = config.tags.filter((tag) => !after.config.tags.includes(tag));
  const before = config.os_choice ?? 'none';
  const chosen = after.config.os_choice ?? 'none';
  const [state, next] = [status.state, after.status.state].map((one) => JSON.stringify(one));
  return [
    ...(added.length === 0 ? [] : [`tagged ${added.join(', ')}`]),
    ...(removed.length === 0 ? [] : [`no longer tagged ${removed.join(', ')}`]),
    ...(before === chosen ? [] : [`template ${before} → ${chosen}`]),
    ...(state === next || after.status.state !== 'Offline' ? [] : ['offline']),
    ...(state === next || status.state !== 'Offline' ? [] : ['brought back']),
  ];
}

/** Errors: AppError `workflow.unknown` for a machine that has none. */
function workflowOf({ id, status }: Machine): string {
  if (status.current_workflow !== null) return status.current_workflow;
  throw new AppError('workflow.unknown', 'the machine has no workflow that waits or runs', {
    details: { machine_id: id },
  });
}
