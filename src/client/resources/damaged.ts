// Records that the server cannot read.
import type { DamagedList, DamagedRaw } from '../../model/api/administration/damaged.ts';
import { pathOf, type CallOptions, type Calls } from '../calls.ts';

export class DamagedCalls {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Has the server look at every record; those that it cannot read, or that were put aside. */
  async list(options?: CallOptions): Promise<DamagedList['damaged']> {
    return this.#calls.getList('api/damaged', 'damaged', options);
  }

  /** A damaged record as it is stored, by its table ("machines") and its name there. Errors: `damaged.unknown`. */
  async get(table: string, name: string, options?: CallOptions): Promise<DamagedRaw> {
    const call = { ...options, fields: ['record', 'value'] };
    return this.#calls.get<DamagedRaw>(pathOf`api/damaged/${table}/${name}`, call);
  }

  /** Deletes it with the index entries that lead to it. Errors: `damaged.unknown`. */
  async delete(table: string, name: string, options?: CallOptions): Promise<void> {
    await this.#calls.delete(pathOf`api/damaged/${table}/${name}`, options);
  }
}
