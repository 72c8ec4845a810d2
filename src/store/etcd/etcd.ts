// The Kv on etcd, for several servers. Every commit is one Txn; etcd's limits on a request stay inside
// this file, etcd-messages.ts and etcd-values.ts.
import { EtcdClient, EtcdRefusal, type EtcdOptions } from './etcd-client.ts';
import {
  comparison,
  encode,
  encodeKey,
  entryOf,
  packed,
  range,
  readWatch,
  stalePieces,
  watching,
  writing,
  type TxnResponse,
} from './etcd-messages.ts';
import { assemble, cutUp, type Pieces } from './etcd-values.ts';
import type { Kv, KvChange, KvEntry, KvExpectation, KvOperation, KvRead } from '../kv/kv.ts';
import { closedError, conflict } from '../kv/errors.ts';
import { scanPiece } from '../kv/pieces.ts';

const readsATxn = 100;
const compactEveryMs = 300_000;

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
