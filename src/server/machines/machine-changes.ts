// Operators' changes to a machine: configuration, marking offline, deletion.
import { AppError } from '../../core/errors.ts';
import { stateName } from '../../model/machine-state.ts';
import { retryOnConflict } from '../../store/retry.ts';
import { hasSucceeded, type BmcConfig, type Machine } from '../../model/machine.ts';
import type { MachinePatch } from '../../model/api/machines.ts';
import type { Auth } from '../access/auth.ts';
import { refuseLosing } from '../access/inside.ts';
import type { Principal } from '../access/principal.ts';
import type { SecretBox } from '../access/secrets.ts';
import { refuseStale } from '../rules/etag.ts';
import { tagsFrom } from '../rules/tags.ts';
import type { Liveness } from '../running/liveness/liveness.ts';
import { changeMachine, loadMachine, machineEtag, type ChangeServices } from './machines.ts';
import { loadTemplate } from './workflows/provision.ts';
import { deleteLogs } from '../running/machine-logs.ts';
import { forgiven } from '../rules/local-boot.ts';
import { nextState } from '../rules/states.ts';
import { refuseSecondWorkflow } from './workflows/workflows.ts';

export interface PatchServices extends ChangeServices {
  readonly secrets: SecretBox;
}

export interface DeleteServices extends ChangeServices {
  readonly auth: Auth;
  readonly liveness: Liveness;
}

/** The labels of a machine together, so that its record keeps room for the machine itself. */
const labelBytes = 16_384;

/** Errors: AppError `template.unknown`, `machine.*`, `workflow.active`, `secret.no-key`, `auth.denied` for a change that
 *  takes the machine away from its sender, `request.*`, `store.*`. */
export function patchMachine(
  s: PatchServices,
  id: string,
  patch: MachinePatch,
  by: Principal,
  ifMatch?: string,
): Promise<Machine> {
  const change = async (machine: Machine): Promise<Machine> => {
    const after = await applyPatch(s, machine, patch);
    refuseLosing(by, after);
    return after;
  };
  return changeMachine(s, id, change, ifMatch);
}

/** The machine with a patch applied; the same one where that changes nothing. Errors: as patchMachine. */
export async function applyPatch(
  s: PatchServices,
  machine: Machine,
  patch: MachinePatch,
): Promise<Machine> {
  const { hostname, os_choice, tags, labels, bmc, offline } = patch;
  let after = machine;
  const configure = (config: Partial<Machine['config']>): void => {
    after = { ...after, config: { ...after.config, ...config } };
  };
  if (hostname !== undefined) configure({ hostname });
  if (tags !== undefined) configure({ tags: tagsFrom('tags', tags ?? [], machine.config.tags) });
  if (labels !== undefined) after = withLabels(after, labels ?? {});
  if (bmc !== undefined) configure({ bmc: bmc === null ? null : sealBmc(s, machine, bmc) });
  if (os_choice !== undefined) after = await assign(s, after, os_choice);
  if (typeof offline === 'boolean') after = await setOffline(s, after, offline);
  return after === machine ? machine : forgiven(after);
}

function withLabels(machine: Machine, labels: Machine['metadata']['labels']): Machine {
  const bytes = Buffer.byteLength(JSON.stringify(labels));
  if (bytes > labelBytes) {
    throw new AppError(
      'request.invalid',
      `body: labels takes ${bytes} bytes of JSON, and a machine holds ${labelBytes}: shorten or remove some`,
      { details: { path: 'labels', part: 'body' } },
    );
  }
  return { ...machine, metadata: { ...machine.metadata, labels } };
}

async function assign(
  s: PatchServices,
  machine: Machine,
  osChoice: string | null,
): Promise<Machine> {
  if (osChoice === machine.config.os_choice) return machine;
  await refuseSecondWorkflow(s, machine);
  if (osChoice !== null) await loadTemplate(s, osChoice);
  const cause = osChoice === null ? 'os unassigned' : 'os assigned';
  return {
    ...machine,
    config: { ...machine.config, os_choice: osChoice },
    status: { ...machine.status, state: nextState(machine.status.state, cause) },
  };
}

async function setOffline(s: PatchServices, machine: Machine, offline: boolean): Promise<Machine> {
  const isOffline = stateName(machine.status.state) === 'Offline';
  if (offline === isOffline) return machine;
  await refuseSecondWorkflow(s, machine);
  return {
    ...machine,
    status: {
      ...machine.status,
      state: offline ? nextState(machine.status.state, 'marked offline') : bringBack(machine),
    },
  };
}

/** The state that a machine had reached before it went Offline, as far as its record says. */
function bringBack(machine: Machine): Machine['status']['state'] {
  if (hasSucceeded(machine.status.last_workflow_result)) return 'Provisioned';
  const back = nextState(machine.status.state, 'brought back');
  return machine.config.os_choice === null ? back : nextState(back, 'os assigned');
}

function sealBmc(
  { secrets }: PatchServices,
  machine: Machine,
  { password = null, ...bmc }: NonNullable<MachinePatch['bmc']>,
): BmcConfig {
  const kept = machine.config.bmc?.password_encrypted ?? '';
  return {
    ...bmc,
    password_encrypted: password === null ? kept : secrets.seal(password, machine.id),
  };
}

/** Errors: AppError `machine.unknown`, `workflow.active`, `request.stale`, `store.*`. */
export async function deleteMachine(
  s: DeleteServices,
  id: string,
  ifMatch?: string,
): Promise<void> {
  await retryOnConflict(async () => {
    const { value, revision } = await loadMachine(s, id);
    refuseStale(ifMatch, machineEtag(value));
    await refuseSecondWorkflow(s, value);
    await s.store.machines.delete(id, { revision });
  });
  s.auth.forgetMachine(id);
  s.liveness.forget(id);
  await deleteLogs(s.store, id);
}
