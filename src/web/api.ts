// The API operations that the page uses. Each of them throws ApiError.
import type { About, Readiness } from '../model/api/agent.ts';
import type { DamagedList } from '../model/api/administration/damaged.ts';
import { bulkRequest, type BulkChange } from '../model/api/bulk.ts';
import type { IdentityConflict, MachineChange } from '../model/history.ts';
import type {
  BulkResponse,
  MachineCreate,
  MachinePatch,
  MachineView,
} from '../model/api/machines.ts';
import type { TemplateTrial, TemplateView } from '../model/api/templates.ts';
import type { AuditList, AuditQuery } from '../model/api/administration/audit.ts';
import type { Myself, SignInWays, TokenList } from '../model/api/administration/tokens.ts';
import type {
  PlanAnswer,
  WorkflowCounts,
  WorkflowCreate,
  WorkflowListQuery,
} from '../model/api/workflows.ts';
import type { Workflow } from '../model/documents/workflow.ts';
import type { Answer, Session } from './session.ts';

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
  signal: AbortSignal,
): Promise<readonly MachineView[]> {
  if (ids.length === 0) return [];
  const path = `/api/machines?ids=${ids.join(',')}`;
  return (await session.request<MachinePage>(path, { signal })).body.machines;
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
    const options = { method: 'POST', body } as const;
    const { body: some } = await session.request<BulkResponse>('/api/machines/bulk', options);
    total.changed += some.changed;
    total.failed.push(...some.failed);
    if (some.outlook !== undefined) (total.outlook ??= []).push(...some.outlook);
  }
  return total;
}

export async function readTemplates(session: Session): Promise<readonly TemplateView[]> {
  const { body } = await session.request<{ templates: readonly TemplateView[] }>(
    '/api/templates?limit=1000',
  );
  return body.templates;
}

const templatePath = (name: string): string => `/api/templates/${encodeURIComponent(name)}`;

/** Errors: `template.unknown`. */
export function readTemplate(session: Session, name: string): Promise<Answer<TemplateView>> {
  return session.request(templatePath(name));
}

/** Replaces the template that has this `etag`; undefined: there is none yet. Errors: `request.invalid` with the
 *  `path` of the field, `request.stale`. */
export async function saveTemplate(
  session: Session,
  name: string,
  document: unknown,
  etag: string | undefined,
): Promise<void> {
  const condition = etag === undefined ? { headers: { 'if-none-match': '*' } } : { ifMatch: etag };
  await session.request(templatePath(name), { method: 'PUT', body: document, ...condition });
}

/** Checks a template that need not be stored, and plans it for a machine if one is named. Errors: `request.invalid`
 *  with the `path` of the field. */
export async function tryTemplate(
  session: Session,
  name: string,
  document: unknown,
  machineId: string | undefined,
): Promise<TemplateTrial> {
  const query = machineId === undefined ? '' : `?machine_id=${encodeURIComponent(machineId)}`;
  const options = { method: 'POST', body: document } as const;
  return (await session.request<TemplateTrial>(`${templatePath(name)}/try${query}`, options)).body;
}

/** The server's description of its API, an OpenAPI document. */
export async function readDescription(session: Session): Promise<unknown> {
  return (await session.request('/api/openapi.json')).body;
}

/** Errors: `template.in-use` without `force`, where machines have it; `request.stale`. */
export async function deleteTemplate(
  session: Session,
  name: string,
  etag: string | undefined,
  force: boolean,
): Promise<void> {
  const path = `${templatePath(name)}${force ? '' : '?unused=true'}`;
  await session.request(path, { method: 'DELETE', ifMatch: etag });
}

export interface WorkflowPage {
  readonly workflows: readonly Workflow[];
  readonly next_cursor: string | null;
}

type WorkflowQuery = {
  readonly [Name in 'machine_id' | 'state' | 'since' | 'limit']?:
    | WorkflowListQuery[Name]
    | undefined;
};

/** Workflows, newest first. */
export async function readWorkflows(session: Session, query: WorkflowQuery): Promise<WorkflowPage> {
  const parameters = new URLSearchParams({ order: 'newest' });
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return (await session.request<WorkflowPage>(`/api/workflows?${parameters.toString()}`)).body;
}

/** The workflows made since then, by state. */
export async function countWorkflows(
  session: Session,
  since: string | undefined,
): Promise<WorkflowCounts['counts']> {
  const query = since === undefined ? '' : `?${new URLSearchParams({ since }).toString()}`;
  return (await session.request<WorkflowCounts>(`/api/workflows/counts${query}`)).body.counts;
}

export async function readMyself(session: Session): Promise<Myself> {
  return (await session.request<Myself>('/api/whoami')).body;
}

/** The ways to sign in besides a token. */
export async function readSignInWays(session: Session): Promise<SignInWays> {
  return (await session.request<SignInWays>('/api/sign-in')).body;
}

/** Ends the session of this browser, if there is one. */
export async function signOut(session: Session): Promise<void> {
  await session.request('/api/sign-out', { method: 'POST' });
}

/** The audit log, newest first. */
export async function readAudit(
  session: Session,
  query: { readonly [Name in keyof AuditQuery]?: AuditQuery[Name] | undefined },
): Promise<AuditList> {
  const parameters = new URLSearchParams({ order: 'newest' });
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return (await session.request<AuditList>(`/api/audit?${parameters.toString()}`)).body;
}

/** The whole audit log, a JSON document to a line. */
export async function exportAudit(session: Session): Promise<string> {
  return (await session.open('/api/audit/export')).text();
}

export async function readTokens(session: Session): Promise<TokenList> {
  return (await session.request<TokenList>('/api/tokens')).body;
}

export async function revokeToken(session: Session, name: string): Promise<void> {
  await session.request(`/api/tokens/${encodeURIComponent(name)}`, { method: 'DELETE' });
}

/** Looks at every record. */
export async function readDamaged(session: Session): Promise<DamagedList['damaged']> {
  return (await session.request<DamagedList>('/api/damaged')).body.damaged;
}

export async function readAbout(session: Session): Promise<About> {
  return (await session.request<About>('/api/about')).body;
}

/** Errors: those that keep the server from being ready. */
export async function readReady(session: Session): Promise<Readiness> {
  return (await session.request<Readiness>('/api/ready')).body;
}

/** The template of a workflow, and what an operator accepts before it is made. */
export type Consent = Pick<WorkflowCreate, 'template' | 'reimage' | 'confirmed' | 'retry'>;

/** A workflow as it is ordered: with the digest of the plan that was shown. */
export type Order = Consent & Pick<WorkflowCreate, 'plan_digest'>;

/** The plan of a workflow. Errors: `plan.*`, `machine.has-os`. */
export async function planWorkflow(
  session: Session,
  machineId: string,
  consent: Consent,
): Promise<PlanAnswer> {
  const body = { machine_id: machineId, ...consent, dry_run: true };
  return (await session.request<PlanAnswer>('/api/workflows', { method: 'POST', body })).body;
}

/** Errors: `plan.changed` if the plan is no longer the one that was shown. */
export async function createWorkflow(
  session: Session,
  machineId: string,
  order: Order,
): Promise<void> {
  const body = { machine_id: machineId, ...order };
  await session.request('/api/workflows', { method: 'POST', body });
}

export async function cancelWorkflow(session: Session, id: string): Promise<void> {
  await session.request(`/api/workflows/${encodeURIComponent(id)}/cancel`, { method: 'POST' });
}

export async function releaseWorkflow(session: Session, id: string): Promise<void> {
  await session.request(`/api/workflows/${encodeURIComponent(id)}/release`, { method: 'POST' });
}

export async function readConflicts(
  session: Session,
  signal: AbortSignal,
): Promise<readonly IdentityConflict[]> {
  const { body } = await session.request<{ conflicts: readonly IdentityConflict[] }>(
    '/api/conflicts?limit=1000',
    { signal },
  );
  return body.conflicts;
}

/** Merges the conflict's machine into the candidate `into`. */
export async function acceptConflict(session: Session, id: string, into: string): Promise<void> {
  const path = `/api/conflicts/${encodeURIComponent(id)}/accept`;
  await session.request(path, { method: 'POST', body: { into } });
}

/** Takes back that the conflict's machine is one of its own. */
export async function reopenConflict(session: Session, id: string): Promise<void> {
  const path = `/api/conflicts/${encodeURIComponent(id)}/reopen`;
  await session.request(path, { method: 'POST' });
}

/** Keeps the conflict's machine as one of its own. */
export async function splitConflict(session: Session, id: string): Promise<void> {
  const path = `/api/conflicts/${encodeURIComponent(id)}/split`;
  await session.request(path, { method: 'POST' });
}
