// The Store interface: collections of documents with the operations of storage-schema.md. Backends
// differ below it, in a Kv.
import type { Delivery } from '../model/documents/webhook.ts';
import type { IdentityConflict, MachineChange } from '../model/history.ts';
import type { Machine } from '../model/machine.ts';
import type { BackupOptions } from './backup/backup.ts';
import type { DamagedRecord, RawRecord } from './collections/damage.ts';
export type { DamagedRecord, RawRecord };
import type { DocumentOf, Kinds, ValuesOf } from './collections/kinds.ts';

/** Opaque: two reads gave the same document exactly when their revisions are equal. */
export type Revision = string;

/** A stored document and the revision at which it was read. */
export interface Versioned<T> {
  readonly value: T;
  readonly revision: Revision;
}

/** The precondition of a write: this revision, no document, or (undefined) none. */
export type Expected = { readonly revision: Revision } | 'absent' | undefined;

/** Asks for the next `limit` documents after `cursor`. */
export interface PageRequest {
  /** 100 where it is absent; at most 1,000. */
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
  /** Only those that this names. */
  readonly among?: Names | undefined;
}

/** Gives the first names after one of them, up to `limit`, in their order: each as it is in keys (`keyPart`). */
export type Names = (after: string | undefined, limit: number) => Promise<readonly string[]>;

/** Only the documents whose name begins with `prefix`. */
export interface ListRequest extends PageRequest {
  readonly prefix?: string | undefined;
  /** Only those whose name is this one or comes after it, where no cursor says where to go on. */
  readonly from?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly Versioned<T>[];
  /** Those among them that cannot be read. */
  readonly damaged: readonly DamagedRecord[];
  /** Where the next page starts; undefined after the last one. */
  readonly nextCursor: string | undefined;
}

/** A value that identifies machines. Placeholder SMBIOS UUIDs and junk MACs match none. */
export type Clue =
  | { readonly identityHash: string }
  | { readonly primaryMac: string }
  | { readonly mac: string }
  | { readonly smbiosUuid: string }
  /** One of a record's `disk_clues`. */
  | { readonly disk: string };

/** The machines that have a clue. */
export interface Sighting {
  readonly clue: Clue;
  readonly machineIds: readonly string[];
  /** The revision at which the latest of them got the clue; undefined without machines. */
  readonly newest: Revision | undefined;
}

/** More writes in a machine's commit, and a further precondition. */
export interface Along {
  /** Changes to put in front of the machine's history. */
  readonly changes?: readonly MachineChange[];
  readonly conflict?: IdentityConflict;
  /** `store.conflict` if another machine got one of these clues since the look-up. */
  readonly unlessSeen?: readonly Sighting[];
  /** Nothing that anybody waits to hear of: the outbox is not asked. */
  readonly isQuiet?: boolean;
  /** The machine that was read at the expected revision, not changed since: it is not read again. */
  readonly replaces?: Machine;
}

/** A document is about to be written, or (undefined) deleted. */
export interface Write {
  readonly kind: StoreChange['kind'];
  readonly name: string;
  readonly document: object | undefined;
  readonly isNew: boolean;
}

/** Gives what a write sends out. It goes into the same commit, so that neither is there without the other. */
export type Outbox = (write: Write) => readonly Delivery[];

/** The records of a store that cannot be read. */
export interface DamagedRecords {
  /** Those that were met and have not been read well since. */
  known(): readonly DamagedRecord[];
  /** Forgets those that were deleted, or put aside, by others. */
  forgetGone(): Promise<void>;
  /** Looks at every record, and at those that `check --repair` put aside. */
  find(): AsyncGenerator<DamagedRecord>;
  /** As it is stored; undefined if there is no damaged record of that name. */
  get(record: string): Promise<RawRecord | undefined>;
  /** With the index entries that lead to it. False if there was none. */
  delete(record: string): Promise<boolean>;
}

/** Documents of one kind. `By` has the values that each of its indexes finds documents by. */
export interface Collection<T, By extends object = object> {
  get(name: string): Promise<Versioned<T> | undefined>;
  /** Creates or replaces. Writes the record and all its index entries in one commit. */
  put(document: T, expected?: Expected): Promise<Revision>;
  /** In the order of their names. For UUIDv7, this is the order of their creation. */
  list(request?: ListRequest): Promise<Page<T>>;
  /** Those with this value, in the order of their names. */
  listBy<Index extends keyof By & string>(
    index: Index,
    value: By[Index],
    page?: PageRequest,
  ): Promise<Page<T>>;
  /** Every document whose name begins with `prefix` and that can be read, a page at a time: what changes
   *  meanwhile may be seen as it was or as it is. */
  all(prefix?: string): AsyncGenerator<Versioned<T>>;
  /** As `all`, at one moment, where the backend can hold a snapshot that long. */
  snapshot(prefix?: string): Promise<readonly Versioned<T>[]>;
  /** As `all`, those with this value. */
  allBy<Index extends keyof By & string>(
    index: Index,
    value: By[Index],
  ): AsyncGenerator<Versioned<T>>;
  /** False if there was none. */
  delete(name: string, expected?: Expected): Promise<boolean>;
}

/** A collection for each kind. */
export type Collections = {
  readonly [Name in keyof Kinds]: Collection<DocumentOf<Kinds[Name]>, ValuesOf<Kinds[Name]>>;
};

/** Machines, with the look-ups that recognise one. Their histories are written and deleted with them. */
export interface Machines extends Collection<
  Machine,
  Pick<ValuesOf<Kinds['machines']>, 'tag' | 'state'>
> {
  byIdentity(identityHash: string): Promise<Versioned<Machine> | undefined>;
  /** By primary MAC, in any spelling. */
  byMac(mac: string): Promise<Versioned<Machine> | undefined>;
  /** For each clue the machines that have it, at most `limit` of them, all from one snapshot. */
  find(clues: readonly Clue[], limit: number): Promise<readonly Sighting[]>;
  /** True if the machine is stored as it was read, and no other has the clue. */
  isStill(known: Versioned<Machine>, clue: Clue): Promise<boolean>;
  /** The machine's last changes, newest first. */
  history(id: string): Promise<readonly MachineChange[]>;
  put(machine: Machine, expected?: Expected, along?: Along): Promise<Revision>;
}

/** Something was written or deleted, by this server or another one on the same store. */
export interface StoreChange {
  readonly kind: Exclude<keyof Kinds, 'histories' | 'audit' | 'presences' | 'leases' | 'logs'>;
  /** The document's name: a machine's id, a setting's key; undefined for a very long one. */
  readonly id: string | undefined;
  readonly removed: boolean;
}

/** Errors of all operations: AppError `store.conflict` when an expectation fails (nothing is
 *  written), `store.unavailable` and `store.full` when the backend cannot do it, `store.damaged`
 *  when what is stored is no document, `request.invalid` for a cursor that no page gave. */
export interface Store extends Omit<Collections, 'machines' | 'histories'> {
  readonly machines: Machines;
  readonly damage: DamagedRecords;
  /** True if no other server can be on it. */
  readonly isExclusive: boolean;

  /** Calls `listener` after each change, from when this resolves until `signal` aborts. undefined:
   *  changes may have been missed, so everything has to be read again. */
  watch(listener: (change: StoreChange | undefined) => void, signal: AbortSignal): Promise<void>;

  /** From now on asks `outbox` at each write of a machine, workflow, template, setting or conflict by this server, and
   *  nobody that was set before. `onLost` gets what a full store could not keep with a removal, which was done. */
  sendOut(outbox: Outbox, onLost?: (deliveries: readonly Delivery[]) => void): void;

  /** Yields the text of a backup, as `restore` takes it, and returns the number of records. Nothing is held for a reader
   *  who takes long: what changes meanwhile is in it as it was or as it is. */
  backup(options?: BackupOptions): AsyncGenerator<string, number>;

  /** Milliseconds since watchers were last sure to have been told everything; Infinity where nobody watches.
   *  What this server writes is told at once. */
  watchAgeMs(): number;

  /** Resolves once nothing that ends by itself, such as a check of its data, keeps it from answering. */
  settled(): Promise<void>;

  /** Resolves when everything acknowledged is durable and the backend is released. */
  close(): Promise<void>;
}
