// The API operations on machines. Each of them throws ApiError.
import { bulkRequest, type BulkChange } from '../../model/api/bulk.ts';
import type {
  BulkResponse,
  MachineCreate,
  MachinePatch,
  MachineView,
} from '../../model/api/machines.ts';
import type { MachineChange } from '../../model/history.ts';
import type { Answer, Session } from '../session.ts';

const machinePath = (id: string): string => `/api/machines/${encodeURIComponent(id)}`;

interface MachinePage {
  readonly machines: readonly MachineView[];
  readonly next_cursor: string | null;
}

export async function readMachinePage(
  session: Session,
  limit: number,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<MachinePage> {
  const query = new URLSearchParams({ limit: String(limit) });
  if (cursor !== undefined) query.set('cursor', cursor);
  const path = `/api/machines?${query.toString()}`;
  return (await session.request<MachinePage>(path, { signal })).body;
}

/** The most ids that `readMachines` takes. */
export const mostMachines = 100;

/** The machines with these ids; an id without a machine is left out. */
export async function readMachines(
  session: Session,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<readonly MachineView[]> {
  if (ids.length === 0) return [];
  const path = `/api/machines?ids=${ids.join(',')}`;
  const options = signal === undefined ? {} : { signal };
  return (await session.request<MachinePage>(path, options)).body.machines;
}

export function readMachine(session: Session, id: string): Promise<Answer<MachineView>> {
  return session.request(machinePath(id));
}

/** Enters a machine that has not booted yet. Errors: `machine.exists`, `request.invalid`. */
export async function createMachine(
  session: Session,
  machine: MachineCreate,
): Promise<MachineView> {
  const options = { method: 'POST', body: machine } as const;
  return (await session.request<MachineView>('/api/machines', options)).body;
}

/** Errors: `request.stale` if the machine no longer has this `etag`. */
export function patchMachine(
  session: Session,
  id: string,
  patch: MachinePatch,
  etag: string | undefined,
): Promise<Answer<MachineView>> {
  return session.request(machinePath(id), { method: 'PATCH', body: patch, ifMatch: etag });
}

export async function deleteMachine(session: Session, id: string): Promise<void> {
  await session.request(machinePath(id), { method: 'DELETE' });
}

export async function readHistory(session: Session, id: string): Promise<readonly MachineChange[]> {
  const { body } = await session.request<{ history: readonly MachineChange[] }>(
    `${machinePath(id)}/history`,
  );
  return body.history;
}

/** Makes the same change to each machine, in requests small enough for a busy server. */
export async function changeMachines(
  session: Session,
  ids: readonly string[],
  change: BulkChange,
): Promise<BulkResponse> {
  const total: BulkResponse = { changed: 0, failed: [] };
  for (let i = 0; i < ids.length; i += 1000) {
    const body = bulkRequest(ids.slice(i, i + 1000), change);
    const options = { method: 'POST', body, changesNothing: change.dry_run === true } as const;
    const { body: some } = await session.request<BulkResponse>('/api/machines/bulk', options);
    total.changed += some.changed;
    total.failed.push(...some.failed);
    if (some.outlook !== undefined) (total.outlook ??= []).push(...some.outlook);
  }
  return total;
}
