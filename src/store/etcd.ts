// The Kv on etcd, for several servers. Every commit is one Txn; etcd's limits on a request stay inside
// this file and etcd-values.ts.
import { EtcdClient, EtcdRefusal, type EtcdOptions } from './etcd-client.ts';
import { assemble, cutUp, piecePrefix, type Pieces } from './etcd-values.ts';
import type { Kv, KvChange, KvEntry, KvExpectation, KvOperation, KvRead } from './kv.ts';
import { prefixEnd } from './kv.ts';
import { closedError, conflict } from './kv-errors.ts';

/** Everything of this project in an etcd that others use as well. */
const root = 'dragonfly/';
const scanPiece = 500;
/** etcd takes 128 operations in a Txn, counted along each path of nested ones: three levels of this
 *  many make 64,000. */
const operationsATxn = 40;
const readsATxn = 100;
const compactEveryMs = 300_000;

interface EtcdKeyValue {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: string;
}

interface TxnResponse {
  readonly header: { readonly revision: string };
  readonly succeeded?: boolean;
  readonly responses?: readonly { readonly response_range?: { readonly kvs?: EtcdKeyValue[] } }[];
}

export class EtcdKv implements Kv {
  readonly #client: EtcdClient;
  readonly #options: EtcdOptions;
  readonly #stop = new AbortController();

  constructor(endpoints: readonly string[], options: EtcdOptions) {
    this.#client = new EtcdClient(endpoints, options);
    this.#options = options;
    void this.#compactNowAndThen();
  }

  async read(reads: readonly KvRead[]): Promise<readonly (readonly KvEntry[])[]> {
    this.#refuseWhenClosed();
    return retryCompacted(async () => (await this.#readAt(reads, undefined)).found);
  }

  async commit(
    expectations: readonly KvExpectation[],
    operations: readonly KvOperation[],
  ): Promise<number> {
    this.#refuseWhenClosed();
    const { small, pieces } = cutUp(operations, this.#options.newId);
    await this.#putPieces(pieces);
    const { body, ambiguous } = await this.#client.call<TxnResponse>('/v3/kv/txn', {
      compare: expectations.map(comparison),
      success: packed([...small.map(writing), ...stalePieces(small, expectations, pieces)]),
    });
    if (body.succeeded === true) return Number(body.header.revision);
    // A try whose answer was lost may have done it, and so broken its own expectation.
    const done = ambiguous ? await this.#revisionIfDone(small) : undefined;
    if (done === undefined) throw conflict();
    return done;
  }

  async *scan(prefix: string): AsyncIterable<readonly KvEntry[]> {
    let revision: string | undefined;
    let after: string | undefined;
    for (;;) {
      this.#refuseWhenClosed();
      let piece: readonly KvEntry[];
      try {
        const page = await this.#readAt([{ prefix, after, limit: scanPiece }], revision);
        revision = page.revision;
        piece = page.found[0] ?? [];
      } catch (err) {
        if (!isCompacted(err)) throw err;
        // The snapshot is gone; what follows is newer than what came, but whole as well.
        revision = undefined;
        continue;
      }
      const last = piece.at(-1);
      if (last === undefined) return;
      yield piece;
      after = last.key;
    }
  }

  async watch(
    prefix: string,
    listener: (change: KvChange | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { revision } = await this.#readAt([{ key: prefix }], undefined);
    void this.#follow(
      prefix,
      Number(revision) + 1,
      listener,
      AbortSignal.any([signal, this.#stop.signal]),
    );
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#client.close();
  }

  #refuseWhenClosed(): void {
    if (this.#stop.signal.aborted) throw closedError();
  }

  /** Answers reads from the snapshot of `at`, or of now, and says which one it was. */
  async #readAt(
    reads: readonly KvRead[],
    at: string | undefined,
  ): Promise<{ found: KvEntry[][]; revision: string }> {
    const found: KvEntry[][] = [];
    let revision = at;
    for (let i = 0; i === 0 || i < reads.length; i += readsATxn) {
      const some = reads.slice(i, i + readsATxn);
      const { body } = await this.#client.call<TxnResponse>('/v3/kv/txn', {
        success: some.map((read) => ({ request_range: { ...range(read), revision } })),
      });
      revision ??= body.header.revision;
      for (const response of body.responses ?? []) {
        found.push((response.response_range?.kvs ?? []).map(entryOf));
      }
    }
    const snapshot = revision ?? '0';
    const readPieces = async (keys: readonly string[]): Promise<KvEntry[]> => {
      const pieces = await this.#readAt(
        keys.map((key) => ({ key })),
        snapshot,
      );
      return pieces.found.flat();
    };
    return { found: await assemble(found, readPieces), revision: snapshot };
  }

  async #putPieces(pieces: Pieces): Promise<void> {
    for (const [key, value] of pieces) {
      await this.#client.call('/v3/kv/put', { key: encodeKey(key), value: encode(value) });
    }
  }

  /** The revision of a commit if everything is as it would have left it. Somebody else who wrote the
   *  very same in between is not told apart; a marker in every commit would cost each of them a key. */
  async #revisionIfDone(operations: readonly KvOperation[]): Promise<number | undefined> {
    const { found } = await this.#readAt(
      operations.map(({ key }) => ({ key })),
      undefined,
    );
    const written = found.map((entries) => entries[0]);
    const asWanted = operations.every(({ value }, i) => written[i]?.value === value);
    return asWanted ? Math.max(...written.map((entry) => entry?.revision ?? 0)) : undefined;
  }

  /** Passes on changes from `revision` on, over as many connections as it takes. */
  async #follow(
    prefix: string,
    revision: number,
    listener: (change: KvChange | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let next = revision;
    while (!signal.aborted) {
      try {
        for await (const message of this.#client.stream(
          '/v3/watch',
          watching(prefix, next),
          signal,
        )) {
          const { header, events, compacted } = readWatch(message);
          if (compacted !== undefined) {
            listener(undefined);
            next = compacted;
            break;
          }
          for (const change of events) listener(change);
          next = Math.max(next, header + 1);
        }
      } catch {
        // The connection ended; the next one goes on where this one was.
      }
      await this.#options.clock.sleep(200, signal).catch(() => {});
    }
  }

  /** Old revisions fill the quota; a reader of an old snapshot has this long. */
  async #compactNowAndThen(): Promise<void> {
    const { clock } = this.#options;
    let old: string | undefined;
    while (!this.#stop.signal.aborted) {
      try {
        await clock.sleep(compactEveryMs, this.#stop.signal);
        if (old !== undefined) await this.#client.call('/v3/kv/compaction', { revision: old });
        old = (await this.#readAt([{ key: '' }], undefined)).revision;
      } catch {
        // Another server compacted it, or etcd is away: the next time will do.
      }
    }
  }
}

/** Keeps a request within etcd's number of operations by nesting Txns, which stays one commit. */
function packed(operations: readonly object[]): readonly object[] {
  if (operations.length <= operationsATxn) return operations;
  const size = Math.ceil(operations.length / operationsATxn);
  const groups: object[] = [];
  for (let i = 0; i < operations.length; i += size) {
    groups.push({ request_txn: { success: packed(operations.slice(i, i + size)) } });
  }
  return groups;
}

function comparison(expectation: KvExpectation): object {
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

function writing({ key, value }: KvOperation): object {
  return value === undefined
    ? { request_delete_range: { key: encodeKey(key) } }
    : { request_put: { key: encodeKey(key), value: encode(value) } };
}

/** The pieces of values that a commit replaces: everything kept for its records but what is new. */
function stalePieces(
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

function range(read: KvRead): object {
  if ('key' in read) return { key: encodeKey(read.key) };
  const after =
    read.after !== undefined && read.after > read.prefix ? `${read.after}\0` : undefined;
  return {
    key: encodeKey(after ?? read.prefix),
    range_end: encodeKey(prefixEnd(read.prefix)),
    limit: Number.isFinite(read.limit) ? read.limit : 0,
  };
}

function watching(prefix: string, revision: number): object {
  return {
    create_request: {
      key: encodeKey(prefix),
      range_end: encodeKey(prefixEnd(prefix)),
      start_revision: String(revision),
      progress_notify: true,
    },
  };
}

interface WatchMessage {
  readonly result?: {
    readonly header?: { readonly revision?: string };
    readonly compact_revision?: string;
    readonly canceled?: boolean;
    readonly events?: readonly { readonly type?: string; readonly kv: EtcdKeyValue }[];
  };
}

function readWatch(message: unknown): {
  header: number;
  events: KvChange[];
  compacted: number | undefined;
} {
  // etcd's published interface: WatchResponse.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { result } = message as WatchMessage;
  const compacted = result?.compact_revision;
  return {
    header: Number(result?.header?.revision ?? 0),
    compacted: compacted === undefined ? undefined : Number(compacted),
    events: (result?.events ?? []).map(({ type, kv }) => ({
      key: decodeKey(kv.key),
      removed: type === 'DELETE',
    })),
  };
}

function entryOf(kv: EtcdKeyValue): KvEntry {
  return {
    key: decodeKey(kv.key),
    value: decode(kv.value ?? ''),
    revision: Number(kv.mod_revision),
  };
}

/** Reads again from a newer snapshot when the one being read was compacted away. */
async function retryCompacted<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (err) {
      if (!isCompacted(err) || attempt === 3) throw err;
    }
  }
}

function isCompacted(err: unknown): boolean {
  return err instanceof EtcdRefusal && err.isCompacted;
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}

function encodeKey(key: string): string {
  return encode(root + key);
}

function decodeKey(base64: string): string {
  return decode(base64).slice(root.length);
}
