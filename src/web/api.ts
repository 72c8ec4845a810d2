// The server's operations that the page uses, by name.
import type { Workflow } from '../model/workflow.ts';
import type { ShownMachine } from './row.ts';
import type { Answer, Session } from './session.ts';

export interface ConfigChange {
  readonly hostname?: string | null;
  readonly os_choice?: string | null;
  readonly tags?: readonly string[];
}

export interface BulkChange {
  readonly add_tags?: readonly string[];
  readonly remove_tags?: readonly string[];
  readonly os_choice?: string | null;
}

export type HistoryEntry = unknown;

const machinePath = (id: string): string => `/api/machines/${encodeURIComponent(id)}`;

export interface MachinePage {
  readonly machines: readonly ShownMachine[];
  readonly next_cursor: string | null;
}

export async function readMachinePage(
  session: Session,
  limit: number,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<MachinePage> {
  const after = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
  const path = `/api/machines?limit=${String(limit)}${after}`;
  return (await session.request<MachinePage>(path, { signal })).body;
}

export function readMachine(
  session: Session,
  id: string,
  signal?: AbortSignal,
): Promise<Answer<ShownMachine>> {
  return session.request(machinePath(id), signal === undefined ? {} : { signal });
}

export interface Conflict {
  readonly id: string;
}

export async function readConflicts(
  session: Session,
  signal: AbortSignal,
): Promise<readonly Conflict[]> {
  const { body } = await session.request<{ conflicts: readonly Conflict[] }>('/api/conflicts', {
    signal,
  });
  return body.conflicts;
}

/** Errors: ApiError `request.stale` when the machine is no longer as `etag` says. */
export function patchMachine(
  session: Session,
  id: string,
  change: ConfigChange,
  etag: string | undefined,
): Promise<Answer<ShownMachine>> {
  return session.request(machinePath(id), { method: 'PATCH', body: change, ifMatch: etag });
}

export async function deleteMachine(session: Session, id: string): Promise<void> {
  await session.request(machinePath(id), { method: 'DELETE' });
}

export async function machineHistory(
  session: Session,
  id: string,
): Promise<readonly HistoryEntry[]> {
  const { body } = await session.request<{ history: readonly HistoryEntry[] }>(
    `${machinePath(id)}/history`,
  );
  return body.history;
}

export async function changeMachines(
  session: Session,
  ids: readonly string[],
  change: BulkChange,
): Promise<{ changed: number; failed: readonly string[] }> {
  const { body } = await session.request<{ changed: number; failed: readonly string[] }>(
    '/api/machines/bulk',
    { method: 'POST', body: { ids, ...change } },
  );
  return body;
}

export async function templateNames(session: Session): Promise<readonly string[]> {
  const { body } = await session.request<{
    templates: readonly { metadata: { name: string } }[];
  }>('/api/templates');
  return body.templates.map((template) => template.metadata.name);
}

export async function machineWorkflows(session: Session, id: string): Promise<readonly Workflow[]> {
  const { body } = await session.request<{ workflows: readonly Workflow[] }>(
    `/api/workflows?machine_id=${encodeURIComponent(id)}`,
  );
  return body.workflows;
}

export async function createWorkflow(
  session: Session,
  machineId: string,
  template: string,
  reimage: boolean,
): Promise<void> {
  await session.request('/api/workflows', {
    method: 'POST',
    body: { machine_id: machineId, template, reimage },
  });
}

export async function cancelWorkflow(session: Session, id: string): Promise<void> {
  await session.request(`/api/workflows/${encodeURIComponent(id)}/cancel`, { method: 'POST' });
}
