// Machines, their history, and the tags that they have.
import type { IdentityConflict, MachineChange } from '../model/history.ts';
import type {
  BulkRequest,
  BulkResponse,
  MachineListQuery,
  MachinePatch,
  MachineView,
  TagList,
} from '../model/operator-api.ts';
import { pathOf, type CallOptions, type Calls, type ChangeOptions, type Tagged } from './calls.ts';
import { listing, type Listing, type ListOptions } from './listing.ts';

/** All of the given conditions. `q`: words that each occur in a name, address, MAC, serial, model, tag, id
 *  or label. */
export type MachineFilter = Omit<MachineListQuery, 'ids' | 'limit' | 'cursor'>;

/** One change for many machines. */
export type BulkChange = Omit<BulkRequest, 'ids'>;

/** Machines that one request of `changeMany` holds: a busy server answers it in time. */
const mostAtOnce = 1000;

export class MachineCalls {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** In the order of their first registration. */
  list(filter: MachineFilter & ListOptions = {}): Listing<MachineView> {
    const { pageSize, signal, ...query } = filter;
    return listing(this.#calls, 'api/machines', 'machines', query, { pageSize, signal });
  }

  /** Errors: `machine.unknown`. */
  async get(id: string, options?: CallOptions): Promise<Tagged<MachineView>> {
    return this.#calls.call('GET', pathOf`api/machines/${id}`, options);
  }

  /** Changes the fields that are present; null clears one. Errors: `machine.unknown`, `request.stale`,
   *  `request.invalid`. */
  async patch(
    id: string,
    patch: MachinePatch,
    options?: ChangeOptions,
  ): Promise<Tagged<MachineView>> {
    return this.#calls.call('PATCH', pathOf`api/machines/${id}`, { ...options, body: patch });
  }

  /** Forgets a machine; it registers as a new one when it comes back. Errors: `machine.unknown`,
   *  `request.stale`. */
  async delete(id: string, options?: ChangeOptions): Promise<void> {
    return this.#calls.delete(pathOf`api/machines/${id}`, options);
  }

  /** Makes the same change to each machine, and says for which of them it failed. */
  async changeMany(
    ids: readonly string[],
    change: BulkChange,
    options?: CallOptions,
  ): Promise<BulkResponse> {
    const total: BulkResponse = { changed: 0, failed: [] };
    for (let i = 0; i < ids.length; i += mostAtOnce) {
      const body = { ...change, ids: ids.slice(i, i + mostAtOnce) };
      const some = await this.#calls.post<BulkResponse>('api/machines/bulk', body, options);
      total.changed += some.changed;
      total.failed.push(...some.failed);
    }
    return total;
  }

  /** What a machine had changed and what was changed for it, the newest first. */
  async history(id: string, options?: CallOptions): Promise<readonly MachineChange[]> {
    const answer = await this.#calls.get<{ history: readonly MachineChange[] }>(
      pathOf`api/machines/${id}/history`,
      options,
    );
    return answer.history;
  }

  /** The identity conflicts that a machine arose from or is a candidate of. */
  conflicts(id: string, options: ListOptions = {}): Listing<IdentityConflict> {
    return listing(this.#calls, pathOf`api/machines/${id}/conflicts`, 'conflicts', {}, options);
  }

  /** All tags, with how many machines have each. */
  async tags(options?: CallOptions): Promise<TagList['tags']> {
    return (await this.#calls.get<TagList>('api/tags', options)).tags;
  }

  /** Takes a tag off every machine. Returns how many had it. */
  async deleteTag(tag: string, options?: CallOptions): Promise<number> {
    const { value } = await this.#calls.call<{ changed: number }>(
      'DELETE',
      pathOf`api/tags/${tag}`,
      options,
    );
    return value.changed;
  }
}
