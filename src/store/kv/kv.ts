// The contract of a backend: ordered keys, atomic commits with expectations, snapshots. Records and
// indexes are built above it, once; nothing here knows what is stored.
import type { EtcdAccessFiles } from '../etcd/etcd-access.ts';

/** A stored value and the revision of the commit that wrote it. */
export interface KvEntry {
  readonly key: string;
  readonly value: string;
  /** Grows with every commit; equal revisions of one key mean the same value. */
  readonly revision: number;
}

/** One key, or up to `limit` keys that begin with `prefix`, in byte order, after `after`. */
export type KvRead =
  | { readonly key: string }
  | { readonly prefix: string; readonly limit: number; readonly after?: string | undefined };

/** A precondition of a commit. */
export type KvExpectation =
  /** The key was last written at `revision`; 0: it does not exist. */
  | { readonly key: string; readonly revision: number }
  /** No key that begins with `prefix` was written after `newest`; 0: there is no such key. */
  | { readonly prefix: string; readonly newest: number };

/** Writes `value`, or removes the key where it is undefined. No key occurs twice in a commit. */
export interface KvOperation {
  readonly key: string;
  readonly value: string | undefined;
}

export interface KvChange {
  readonly key: string;
  readonly removed: boolean;
}

/** Keys are printable ASCII, at most 900 characters of it (LMDB takes 1,978 bytes); values any text.
 *  Errors of all operations: AppError `store.unavailable`, `store.full`. */
export interface Kv {
  /** True if no other process can use the same data meanwhile. Left out: others may. */
  readonly isExclusive?: boolean;
  /** Answers all reads from one snapshot: for each read its entries, none for what is absent. */
  read(reads: readonly KvRead[]): Promise<readonly (readonly KvEntry[])[]>;
  /** Applies all operations or none, durably once it resolves, and gives the revision they got.
   *  Errors: also `store.conflict` where an expectation does not hold. The first expectation, if
   *  any, is of a key that the operations write. */
  commit(
    expectations: readonly KvExpectation[],
    operations: readonly KvOperation[],
  ): Promise<number>;
  /** All entries under a prefix, in key order and in pieces, from one snapshot where the backend can
   *  hold one that long (see each backend). */
  scan(prefix: string): AsyncIterable<readonly KvEntry[]>;
  /** The same for several prefixes, one after another, all from one snapshot, in pieces of up to `most`. Left out: a backup
   *  is not of a single moment. */
  scanAll?(prefixes: readonly string[], most?: number): AsyncIterable<readonly KvEntry[]>;
  /** Calls `listener` after each change under `prefix`, by whichever process, from when it resolves
   *  until `signal` aborts. `listener(undefined)`: changes may have been missed, read again. */
  watch(
    prefix: string,
    listener: (change: KvChange | undefined) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Milliseconds since watchers were last sure to have been told everything. Left out: they always are. */
  watchAgeMs?(): number;
  /** Resolves once nothing that ends by itself, such as a check of its data, keeps it from answering. Left out: nothing ever
   *  does. */
  settled?(): Promise<void>;
  /** Resolves when everything acknowledged is durable and the backend is released. */
  close(): Promise<void>;
}

/** Options of opening a backend. */
export interface OpenOptions {
  /** Opens beside a running server; writes and creates nothing. */
  readonly readOnly?: boolean;
  /** Makes no new store: with a mistyped directory there is none to read. */
  readonly mustExist?: boolean;
  /** Also opens a store whose restore was interrupted. */
  readonly partlyRestored?: boolean;
  /** Verifies every page of a data file, whatever its size. */
  readonly verifyWhole?: boolean;
  /** Ends the check of a whole data file. */
  readonly signal?: AbortSignal | undefined;
  /** Called before the check of a whole data file, which may take minutes, with its size in bytes, and waited for. What it
   *  gives is told the share that is done, 0 to 1. */
  readonly onCheck?: ((bytes: number) => Promise<(share: number) => void>) | undefined;
  /** The files by which etcd lets this server in. */
  readonly etcd?: EtcdAccessFiles | undefined;
  /** Looks up the SRV records of a name, for `etcd:srv:DOMAIN`. */
  readonly lookUpService?:
    | ((name: string) => Promise<readonly { readonly name: string; readonly port: number }[]>)
    | undefined;
}

/** The first key after all that begin with `prefix`. */
export function prefixEnd(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}
