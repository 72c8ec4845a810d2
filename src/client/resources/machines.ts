// Machines, their history and their tags.
import type { IdentityConflict, MachineChange } from '../../model/history.ts';
import type {
  BulkResponse,
  MachineCreate,
  MachineListQuery,
  MachinePatch,
  MachineView,
  TagList,
} from '../../model/api/machines.ts';
import type { MachineLogs, MachineLogsQuery } from '../../model/api/logs.ts';
import type { LogLine } from '../../model/documents/machine-log.ts';
import { isAppError } from '../../core/errors.ts';
import { bulkRequest, type BulkChange } from '../../model/api/bulk.ts';
import { pathOf, type CallOptions, type Calls, type ChangeOptions, type Tagged } from '../calls.ts';
import { listing, type Listing, type ListOptions, type SearchOptions } from '../listing.ts';

/** A machine must meet all conditions. `q`: a search as in the page, such as "epyc tag:rack-* -state:error". */
export type MachineFilter = Omit<MachineListQuery, 'ids' | 'limit' | 'cursor'>;

export interface LogOptions extends CallOptions {
  /** Only the newest lines, so many. */
  readonly last?: number | undefined;
  /** Goes on with lines as they come, until the signal aborts. */
  readonly follow?: boolean | undefined;
}

/** The most ids in one request of `some`. */
const mostNamed = 100;
/** The longest that a server lets wait. */
const followWaitSeconds = 25;
/** A server that is away is asked again after this time. */
const followRetryMs = 2_000;

/** The most machines in one request of `changeMany`, so that a busy server answers in time. */
const mostAtOnce = 1000;

const machines = { field: 'machines', parts: ['identity', 'config', 'status', 'hardware'] };

export class MachineCalls {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Machines in order of registration. */
  list(filter: MachineFilter & SearchOptions = {}): Listing<MachineView> {
    const { pageSize, signal, onUnindexed, ...query } = filter;
    const options = { pageSize, signal, onUnindexed };
    return listing(this.#calls, 'api/machines', machines, query, options);
  }

  /** The machines that have one of these ids, in no order. */
  async some(ids: readonly string[], options: CallOptions = {}): Promise<MachineView[]> {
    const parts = Array.from({ length: Math.ceil(ids.length / mostNamed) }, (_, i) =>
      ids.slice(i * mostNamed, (i + 1) * mostNamed),
    );
    const found = await Promise.all(
      parts.map((part) => {
        const query = { ids: part.join(',') };
        return listing<MachineView>(
          this.#calls,
          'api/machines',
          machines,
          query,
          options,
        ).toArray();
      }),
    );
    return found.flat();
  }

  /** Errors: `machine.unknown`. */
  async get(id: string, options?: CallOptions): Promise<Tagged<MachineView>> {
    const call = { ...options, parts: machines.parts };
    return this.#calls.call('GET', pathOf`api/machines/${id}`, call);
  }

  /** Enters a machine that has not booted yet. Errors: `machine.exists`, `request.invalid`,
   *  `template.unknown`. */
  async create(machine: MachineCreate, options?: CallOptions): Promise<Tagged<MachineView>> {
    const call = { ...options, body: machine, parts: machines.parts };
    return this.#calls.call('POST', 'api/machines', call);
  }

  /** Changes the fields that are present; null clears one. Errors: `machine.unknown`, `request.stale`,
   *  `request.invalid`. */
  async patch(
    id: string,
    patch: MachinePatch,
    options?: ChangeOptions,
  ): Promise<Tagged<MachineView>> {
    const call = { ...options, body: patch, parts: machines.parts };
    return this.#calls.call('PATCH', pathOf`api/machines/${id}`, call);
  }

  /** Forgets a machine. If it comes back, it is registered as a new one. Errors: `machine.unknown`,
   *  `request.stale`. */
  async delete(id: string, options?: ChangeOptions): Promise<void> {
    return this.#calls.delete(pathOf`api/machines/${id}`, options);
  }

  /** Makes the same change to each machine, and says for which it failed. With `workflow`, `plan_digests` from the
   *  `outlook` of a dry run refuse each machine whose plan has become another one. */
  async changeMany(
    ids: readonly string[],
    change: BulkChange,
    options?: CallOptions,
  ): Promise<BulkResponse> {
    const total: BulkResponse = { changed: 0, failed: [] };
    const call = { ...options, changesNothing: change.dry_run === true };
    for (let i = 0; i < ids.length; i += mostAtOnce) {
      const body = bulkRequest(ids.slice(i, i + mostAtOnce), change);
      const some = await this.#calls.post<BulkResponse>('api/machines/bulk', body, call);
      total.changed += some.changed;
      total.failed.push(...some.failed);
      if (some.outlook !== undefined) (total.outlook ??= []).push(...some.outlook);
    }
    return total;
  }

  /** The changes of a machine, newest first. */
  async history(id: string, options?: CallOptions): Promise<readonly MachineChange[]> {
    return this.#calls.getList(pathOf`api/machines/${id}/history`, 'history', options);
  }

  /** One answer of a machine's log: lines after a cursor, and the next cursor. */
  async logs(
    id: string,
    query: MachineLogsQuery = {},
    options?: CallOptions,
  ): Promise<MachineLogs> {
    return this.#calls.get(pathOf`api/machines/${id}/logs`, { ...options, query });
  }

  /** The lines of a machine's log, oldest first. With `follow` it ends by the signal alone, whose reason is thrown, or by
   *  a refusal: a server that is away is waited for. */
  async *log(
    id: string,
    { last, follow = false, signal }: LogOptions = {},
  ): AsyncGenerator<LogLine> {
    let cursor: string | undefined;
    for (let hasBegun = false; ; hasBegun = true) {
      const wait = follow && hasBegun ? followWaitSeconds : 0;
      // All that follows a log without a line is new.
      const newest = last === undefined || hasBegun ? {} : { last };
      const from = cursor === undefined ? newest : { cursor };
      try {
        const { lines, next } = await this.logs(id, { ...from, wait }, { signal });
        yield* lines;
        cursor = next ?? undefined;
        if (!follow && (lines.length === 0 || last !== undefined)) return;
      } catch (err) {
        if (!follow || !hasBegun || !isAppError(err, 'server.unreachable')) throw err;
        await this.#calls.clock.sleep(followRetryMs, this.#calls.endedBy(signal));
      }
    }
  }

  /** The identity conflicts that a machine is part of. */
  conflicts(id: string, options: ListOptions = {}): Listing<IdentityConflict> {
    return listing(
      this.#calls,
      pathOf`api/machines/${id}/conflicts`,
      { field: 'conflicts' },
      {},
      options,
    );
  }

  /** All tags, with the number of machines that have each. */
  async tags(options?: CallOptions): Promise<TagList['tags']> {
    return this.#calls.getList('api/tags', 'tags', options);
  }

  /** Takes a tag off every machine. Returns the number of machines that had it. */
  async deleteTag(tag: string, options?: CallOptions): Promise<number> {
    const { value } = await this.#calls.call<{ changed: number }>(
      'DELETE',
      pathOf`api/tags/${tag}`,
      { ...options, parts: [], fields: ['changed'] },
    );
    return value.changed;
  }
}
