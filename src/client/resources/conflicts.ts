// Identity conflicts, and the decisions about them.
import type { IdentityConflict } from '../../model/history.ts';
import { pathOf, type CallOptions, type Calls } from '../calls.ts';
import { listing, type Listing, type ListOptions } from '../listing.ts';

const fields = ['id', 'machine_id'];

export class ConflictCalls {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Conflicts, oldest first; decided ones only with `all`. */
  list(filter: { readonly all?: boolean } & ListOptions = {}): Listing<IdentityConflict> {
    const { all, ...options } = filter;
    return listing(this.#calls, 'api/conflicts', { field: 'conflicts' }, { all }, options);
  }

  /** Decides that the machine is one of the candidates, and merges it into that: `into`, if there are several.
   *  Errors: `conflict.unknown`, `conflict.decided`. */
  async accept(id: string, into?: string, options?: CallOptions): Promise<IdentityConflict> {
    const body = into === undefined ? {} : { into };
    return this.#calls.post(pathOf`api/conflicts/${id}/accept`, body, { ...options, fields });
  }

  /** Decides that the machine is the one at an address that the conflict refused. Errors: as `accept`, `request.invalid`. */
  async acceptAddress(
    id: string,
    address: string,
    options?: CallOptions,
  ): Promise<IdentityConflict> {
    const path = pathOf`api/conflicts/${id}/accept`;
    return this.#calls.post(path, { address }, { ...options, fields });
  }

  /** Decides that it is a machine of its own. Errors: `conflict.unknown`, `conflict.decided`. */
  async split(id: string, options?: CallOptions): Promise<IdentityConflict> {
    return this.#calls.post(pathOf`api/conflicts/${id}/split`, undefined, { ...options, fields });
  }

  /** Takes that back. A merge cannot be taken back. Errors: `conflict.unknown`, `conflict.decided`. */
  async reopen(id: string, options?: CallOptions): Promise<IdentityConflict> {
    return this.#calls.post(pathOf`api/conflicts/${id}/reopen`, undefined, { ...options, fields });
  }
}
