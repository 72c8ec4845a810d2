// Workflows: the work that agents have to do, or did.
import type {
  PlanAnswer,
  WorkflowCounts,
  WorkflowCreate,
  WorkflowListQuery,
} from '../../model/api/workflows.ts';
import type { Workflow } from '../../model/documents/workflow.ts';
import { pathOf, type CallOptions, type Calls } from '../calls.ts';
import { listing, type Listing, type ListOptions } from '../listing.ts';

/** The objects in each workflow. */
const parts = ['metadata', 'spec'];

export type WorkflowFilter = Omit<WorkflowListQuery, 'limit' | 'cursor'>;

export class WorkflowCalls {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Workflows of one machine or of all: oldest first unless `order` says otherwise. */
  list(filter: WorkflowFilter & ListOptions = {}): Listing<Workflow> {
    const { pageSize, signal, ...query } = filter;
    return listing(this.#calls, 'api/workflows', { field: 'workflows', parts }, query, {
      pageSize,
      signal,
    });
  }

  /** The number of workflows in each state: of all, or of those made since an ISO time. */
  async counts(since?: string, options?: CallOptions): Promise<WorkflowCounts['counts']> {
    const call = { ...options, query: { since } };
    return (await this.#calls.get<WorkflowCounts>('api/workflows/counts', call)).counts;
  }

  /** Errors: `workflow.unknown`. */
  async get(id: string, options?: CallOptions): Promise<Workflow> {
    return this.#calls.get(pathOf`api/workflows/${id}`, { ...options, parts });
  }

  /** Queues a workflow for a machine. Errors: `machine.unknown`, `template.unknown`, `workflow.active`,
   *  `machine.wrong-state`, `machine.has-os` without `reimage`, and `plan.changed` where `plan_digest` is that of
   *  another plan than would be carried out now. */
  async create(request: WorkflowCreate, options?: CallOptions): Promise<Workflow> {
    return this.#calls.post('api/workflows', request, { ...options, parts });
  }

  /** Plans a workflow, and makes none. `create` takes the `plan_digest` of the answer. Errors: as `create`, and
   *  `plan.*`. */
  async plan(request: Omit<WorkflowCreate, 'dry_run'>, options?: CallOptions): Promise<PlanAnswer> {
    const call = { ...options, changesNothing: true };
    return this.#calls.post('api/workflows', { ...request, dry_run: true }, call);
  }

  /** Cancels a workflow. If it was running, its machine is left in Error. Errors: `workflow.unknown`,
   *  `workflow.finished`. */
  async cancel(id: string, options?: CallOptions): Promise<Workflow> {
    return this.#calls.post(pathOf`api/workflows/${id}/cancel`, undefined, { ...options, parts });
  }

  /** Lets a workflow that was restored from a backup go on. Errors: `workflow.unknown`,
   *  `workflow.finished`. */
  async release(id: string, options?: CallOptions): Promise<Workflow> {
    return this.#calls.post(pathOf`api/workflows/${id}/release`, undefined, { ...options, parts });
  }
}
