// Requests to etcd's JSON gateway and the parsing of its answers. Keys and values travel in base64, 64-bit
// numbers as text, and fields that are empty, 0 or false are left out. Pure.
import { piecePrefix, type Pieces } from './etcd-values.ts';
import type { KvChange, KvEntry, KvExpectation, KvOperation, KvRead } from '../kv/kv.ts';
import { prefixEnd } from '../kv/kv.ts';

/** All keys of this project, in an etcd that others may use too. */
const root = 'dragonfly/';
/** etcd takes 128 operations in a Txn, counted along each path of nested ones: three levels of this
 *  many make 64,000. */
const operationsATxn = 40;

interface EtcdKeyValue {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: string;
}

/** The header of etcd's answers. */
interface Header {
  readonly revision?: string;
  readonly cluster_id?: string;
  readonly raft_term?: string;
}

export interface TxnResponse {
  readonly header: Header & { readonly revision: string };
  readonly succeeded?: boolean;
  readonly responses?: readonly { readonly response_range?: { readonly kvs?: EtcdKeyValue[] } }[];
}

/** Keeps a request within etcd's number of operations by nesting Txns, which stays one commit. */
export function packed(operations: readonly object[]): readonly object[] {
  if (operations.length <= operationsATxn) return operations;
  const size = Math.ceil(operations.length / operationsATxn);
  const groups: object[] = [];
  for (let i = 0; i < operations.length; i += size) {
    groups.push({ request_txn: { success: packed(operations.slice(i, i + size)) } });
  }
  return groups;
}

export function comparison(expectation: KvExpectation): object {
  if ('key' in expectation) {
    return {
      key: encodeKey(expectation.key),
      target: 'MOD',
      result: 'EQUAL',
      mod_revision: String(expectation.revision),
    };
  }
  return {
    key: encodeKey(expectation.prefix),
    range_end: encodeKey(prefixEnd(expectation.prefix)),
    target: 'MOD',
    result: 'LESS',
    mod_revision: String(expectation.newest + 1),
  };
}

export function writing({ key, value }: KvOperation): object {
  return value === undefined
    ? { request_delete_range: { key: encodeKey(key) } }
    : { request_put: { key: encodeKey(key), value: encode(value) } };
}

/** Removes the pieces of the values that a commit replaces: all those of its records but the new ones. */
export function stalePieces(
  operations: readonly KvOperation[],
  expectations: readonly KvExpectation[],
  pieces: Pieces,
): object[] {
  const expected = new Set(expectations.map((e) => ('key' in e ? e.key : undefined)));
  const records = operations.filter(
    ({ key, value }) => value !== '' && (value || expected.has(key)),
  );
  return records.flatMap(({ key }) => {
    const all = piecePrefix(key);
    const fresh = [...pieces.keys()].find((piece) => piece.startsWith(all));
    if (fresh === undefined) return [removal(all, prefixEnd(all))];
    const upload = fresh.slice(0, fresh.lastIndexOf('/') + 1);
    return [removal(all, upload), removal(prefixEnd(upload), prefixEnd(all))];
  });
}

function removal(from: string, to: string): object {
  return { request_delete_range: { key: encodeKey(from), range_end: encodeKey(to) } };
}

export function range(read: KvRead): object {
  if ('key' in read) return { key: encodeKey(read.key) };
  const after =
    read.after !== undefined && read.after >= read.prefix ? `${read.after}\0` : undefined;
  return {
    key: encodeKey(after ?? read.prefix),
    range_end: encodeKey(prefixEnd(read.prefix)),
    limit: Number.isFinite(read.limit) ? read.limit : 0,
  };
}

/** A key that is written for nobody but the watch of a prefix, which covers it: right behind the prefix, so that no
 *  record is there. */
export function markOf(prefix: string): string {
  return `${prefixEnd(prefix)}mark`;
}

export function watching(prefix: string, revision: number): object {
  return {
    create_request: {
      key: encodeKey(prefix),
      range_end: encodeKey(`${markOf(prefix)}\0`),
      start_revision: String(revision),
      progress_notify: true,
    },
  };
}

interface WatchMessage {
  readonly error?: unknown;
  readonly result?: {
    readonly header?: Header;
    readonly compact_revision?: string;
    readonly created?: boolean;
    readonly canceled?: boolean;
    readonly cancel_reason?: string;
    readonly events?: readonly { readonly type?: string; readonly kv: EtcdKeyValue }[];
  };
}

/** Where the etcd that answers is: it goes back only where etcd was restored from a backup. */
export interface EtcdState {
  readonly revision: number;
  readonly cluster: string;
  readonly term: number;
}

export function stateOf(header: Header | undefined): EtcdState {
  return {
    revision: Number(header?.revision ?? 0),
    cluster: header?.cluster_id ?? '',
    term: Number(header?.raft_term ?? 0),
  };
}

/** True for an etcd that did not come from `before`, whatever its revision is. */
export function isAnother(now: EtcdState, before: EtcdState): boolean {
  return now.cluster !== before.cluster || now.term < before.term;
}

/** Errors: an Error where etcd ended the watch for another reason than compaction. */
export function readWatch(message: unknown): {
  header: EtcdState;
  created: boolean;
  events: { change: KvChange; revision: number }[];
  compacted: number | undefined;
} {
  // etcd's published interface: WatchResponse.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { result, error } = message as WatchMessage;
  const { header, compact_revision: compacted, canceled = false } = result ?? {};
  if (result === undefined || (canceled && compacted === undefined)) {
    throw new Error(`etcd ended a watch: ${result?.cancel_reason ?? JSON.stringify(error)}`);
  }
  return {
    header: stateOf(header),
    created: result.created ?? false,
    compacted: compacted === undefined ? undefined : Number(compacted),
    events: (result.events ?? []).map(({ type, kv }) => ({
      change: { key: decodeKey(kv.key), removed: type === 'DELETE' },
      revision: Number(kv.mod_revision),
    })),
  };
}

export function entryOf(kv: EtcdKeyValue): KvEntry {
  return {
    key: decodeKey(kv.key),
    value: decode(kv.value ?? ''),
    revision: Number(kv.mod_revision),
  };
}

export function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}

export function encodeKey(key: string): string {
  return encode(root + key);
}

function decodeKey(base64: string): string {
  return decode(base64).slice(root.length);
}
