// The operations by which a commit sends out what it changes: deliveries for webhooks, as the server's outbox gives
// them.
import { stringifyExact } from '../../core/text/exact-json.ts';
import { kinds, recordKey } from './kinds.ts';
import type { KvOperation } from '../kv/kv.ts';
import type { Delivery } from '../../model/documents/webhook.ts';
import type { Outbox, StoreChange } from '../store.ts';

export class Outgoing {
  /** None is set where there is no server, as on the command line. */
  outbox: Outbox | undefined;
  onLost: ((deliveries: readonly Delivery[]) => void) | undefined;

  /** The operations of a write of this kind's document, or (undefined) of its removal. */
  of(
    { table }: { readonly table: string },
    name: string,
    document: object | undefined,
    isNew: boolean,
  ): readonly KvOperation[] {
    return this.#deliveries(table, name, document, isNew).map((delivery) => ({
      key: recordKey(kinds.deliveries, kinds.deliveries.name(delivery)),
      value: stringifyExact(delivery),
    }));
  }

  /** A removal was done without what it sends out: there was no room for that. */
  lose({ table }: { readonly table: string }, name: string): void {
    this.onLost?.(this.#deliveries(table, name, undefined, false));
  }

  #deliveries(
    table: string,
    name: string,
    document: object | undefined,
    isNew: boolean,
  ): readonly Delivery[] {
    // The kinds that are sent out have tables of their own names.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const kind = table as StoreChange['kind'];
    return this.outbox?.({ kind, name, document, isNew }) ?? [];
  }
}
