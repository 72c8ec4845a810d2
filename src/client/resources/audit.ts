// The audit log: who changed what.
import type { AuditEntry } from '../../model/documents/audit.ts';
import type { Calls } from '../calls.ts';
import { listing, type Listing, type ListOptions } from '../listing.ts';

export class AuditCalls {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** The changes, oldest first. `since`: RFC 3339; `record`: such as "machines/ID". */
  list(
    filter: { readonly since?: string; readonly record?: string } & ListOptions = {},
  ): Listing<AuditEntry> {
    const { since, record, ...options } = filter;
    return listing(this.#calls, 'api/audit', { field: 'entries' }, { since, record }, options);
  }
}
