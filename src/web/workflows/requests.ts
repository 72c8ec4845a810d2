// The API operations on workflows. Each of them throws ApiError.
import type {
  PlanAnswer,
  WorkflowCounts,
  WorkflowCreate,
  WorkflowListQuery,
} from '../../model/api/workflows.ts';
import type { Workflow } from '../../model/documents/workflow.ts';
import type { Session } from '../session.ts';

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
  const options = { method: 'POST', body, changesNothing: true } as const;
  return (await session.request<PlanAnswer>('/api/workflows', options)).body;
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
