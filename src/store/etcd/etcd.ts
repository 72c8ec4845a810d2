// The Kv on etcd, for several servers. Every commit is one Txn; etcd's limits on a request stay inside
// this file, etcd-messages.ts and etcd-values.ts.
import { EtcdClient, type EtcdOptions } from './etcd-client.ts';
import { EtcdRefusal } from './etcd-failures.ts';
import {
  comparison,
  encode,
  encodeKey,
  entryOf,
  packed,
  range,
  stalePieces,
  writing,
  type TxnResponse,
} from './etcd-messages.ts';
import { assemble, cutUp, type Pieces } from './etcd-values.ts';
import { EtcdSnapshot } from './etcd-snapshot.ts';
import { EtcdWatch } from './etcd-watch.ts';
import type { Kv, KvChange, KvEntry, KvExpectation, KvOperation, KvRead } from '../kv/kv.ts';
import { closedError, conflict } from '../kv/errors.ts';
import { scanPiece } from '../kv/pieces.ts';

const readsATxn = 100;
const markEveryMs = 1000;
const compactEveryMs = 300_000;
/** Old revisions take up to twice that of etcd's quota, which is 2 GiB where nobody raised it. */
const compactAfterChars = 64 * 1024 * 1024;

export class EtcdKv implements Kv {
  readonly #client: EtcdClient;
  readonly #options: EtcdOptions;
  readonly #stop = new AbortController();
  readonly #watches = new Set<EtcdWatch>();
  #writtenChars = 0;
  /** The revision at the last compaction. */
  #old: number | undefined;

  constructor(endpoints: readonly string[], options: EtcdOptions) {
    this.#client = new EtcdClient(endpoints, options);
    this.#options = options;
    void this.#compactNowAndThen();
    void this.#markNowAndThen();
  }

  async read(reads: readonly KvRead[]): Promise<readonly (readonly KvEntry[])[]> {
    this.#refuseWhenClosed();
    return retryLost(() => this.#readAt(reads, new EtcdSnapshot()));
  }

  async commit(
    expectations: readonly KvExpectation[],
    operations: readonly KvOperation[],
  ): Promise<number> {
    this.#refuseWhenClosed();
    this.#compactAfter(operations);
    const { small, pieces } = cutUp(operations, this.#options.newId);
    await this.#putPieces(pieces);
    const { body, ambiguous } = await this.#client.call<TxnResponse>('/v3/kv/txn', {
      compare: expectations.map(comparison),
      success: packed([...small.map(writing), ...stalePieces(small, expectations, pieces)]),
    });
    // A try whose answer was lost may have done it, and so broken its own expectation.
    const revision =
      body.succeeded === true
        ? Number(body.header.revision)
        : ambiguous && (await this.#revisionIfDone(small));
    if (revision === false || revision === undefined) throw conflict();
    for (const watch of this.#watches) watch.announce(operations, revision);
    return revision;
  }

  scan(prefix: string): AsyncIterable<readonly KvEntry[]> {
    return this.scanAll([prefix]);
  }

  async *scanAll(prefixes: readonly string[], most = scanPiece) {
    const snapshot = new EtcdSnapshot();
    for (const prefix of prefixes) {
      let last: KvEntry | undefined;
      do {
        this.#refuseWhenClosed();
        const read = { prefix, after: last?.key, limit: most };
        const piece = await this.#pieceOf(read, snapshot);
        last = piece.at(-1);
        if (last !== undefined) yield piece;
      } while (last !== undefined);
    }
  }

  async #pieceOf(read: KvRead, snapshot: EtcdSnapshot): Promise<readonly KvEntry[]> {
    try {
      const [piece = []] = await this.#readAt([read], snapshot);
      return piece;
    } catch (err) {
      if (!isCompacted(err)) throw err;
      // The snapshot is gone; what follows is newer than what came, but whole as well.
      snapshot.leave();
      return this.#pieceOf(read, snapshot);
    }
  }

  async watch(
    prefix: string,
    listener: (change: KvChange | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#options;
    const newest = (): Promise<number> => this.#newest();
    const atMs = clock.elapsedMs();
    const known = { atMs, revision: await newest() };
    const options = { client: this.#client, clock, newest };
    const watch = new EtcdWatch(prefix, known, listener, options);
    this.#watches.add(watch);
    const ends = AbortSignal.any([signal, this.#stop.signal]);
    void watch.follow(ends).then(() => this.#watches.delete(watch));
  }

  watchAgeMs(): number {
    const proven = Array.from(this.#watches, ({ provenMs }) => provenMs);
    return (
      this.#options.clock.elapsedMs() - Math.min(...(proven.length > 0 ? proven : [-Infinity]))
    );
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#client.close();
  }

  #refuseWhenClosed(): void {
    if (this.#stop.signal.aborted) throw closedError();
  }

  async #newest(): Promise<number> {
    const snapshot = new EtcdSnapshot();
    await this.#readAt([{ key: '' }], snapshot);
    return Number(snapshot.revision);
  }

  /** Answers reads from a snapshot, which is of now where nothing was read of it. */
  async #readAt(reads: readonly KvRead[], snapshot: EtcdSnapshot): Promise<KvEntry[][]> {
    const found: KvEntry[][] = [];
    for (let i = 0; i === 0 || i < reads.length; i += readsATxn) {
      const some = reads.slice(i, i + readsATxn);
      const { revision } = snapshot;
      const { body } = await this.#client.call<TxnResponse>('/v3/kv/txn', {
        success: some.map((read) => ({ request_range: { ...range(read), revision } })),
      });
      snapshot.follow(body.header);
      for (const response of body.responses ?? []) {
        found.push((response.response_range?.kvs ?? []).map(entryOf));
      }
    }
    const readPieces = async (keys: readonly string[]): Promise<KvEntry[]> => {
      const pieces = await this.#readAt(
        keys.map((key) => ({ key })),
        snapshot,
      );
      return pieces.flat();
    };
    return assemble(found, readPieces);
  }

  async #putPieces(pieces: Pieces): Promise<void> {
    for (const [key, value] of pieces) {
      await this.#client.call('/v3/kv/put', { key: encodeKey(key), value: encode(value) });
    }
  }

  /** The revision of a commit if everything is as it would have left it. Somebody else who wrote the
   *  very same in between is not told apart; a marker in every commit would cost each of them a key. */
  async #revisionIfDone(operations: readonly KvOperation[]): Promise<number | undefined> {
    const found = await this.#readAt(
      operations.map(({ key }) => ({ key })),
      new EtcdSnapshot(),
    );
    const written = found.map((entries) => entries[0]);
    const asWanted = operations.every(({ value }, i) => written[i]?.value === value);
    return asWanted ? Math.max(...written.map((entry) => entry?.revision ?? 0)) : undefined;
  }

  /** Writes the marks that the watches want: where other keys of etcd alone are written, nothing else would come
   *  through their streams, which are then not known to be current. */
  async #markNowAndThen(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#options.clock.sleep(markEveryMs, this.#stop.signal).catch(() => {});
      const watches = [...this.#watches];
      if (!watches.some(({ wantsMark }) => wantsMark)) continue;
      // All in one revision: each later one would be news that the others have to come to.
      const marks = new Set(watches.map(({ mark }) => mark));
      const success = [...marks].map((key) => writing({ key, value: '' }));
      // An etcd that does not take them has no proof to give either.
      await this.#client.call('/v3/kv/txn', { success }).catch(() => {});
    }
  }

  /** Old revisions fill the quota; a reader of an old snapshot has this long. */
  async #compactNowAndThen(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#options.clock.sleep(compactEveryMs, this.#stop.signal).catch(() => {});
      await this.#compact();
    }
  }

  /** Much written in a short time fills it sooner. */
  #compactAfter(operations: readonly KvOperation[]): void {
    for (const { key, value = '' } of operations) this.#writtenChars += key.length + value.length;
    if (this.#writtenChars < compactAfterChars) return;
    this.#writtenChars = 0;
    void this.#compact();
  }

  /** Removes what was overwritten before the last time. */
  async #compact(): Promise<void> {
    try {
      const revision = this.#old;
      this.#old = await this.#newest();
      if (revision !== undefined)
        await this.#client.call('/v3/kv/compaction', { revision: String(revision) });
    } catch {
      // Another server compacted it, or etcd is away: the next time will do.
    }
  }
}

/** Reads again from another snapshot when the one being read was compacted away, or is none any more. */
async function retryLost<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (err) {
      const isLost = isCompacted(err) || (err instanceof EtcdRefusal && err.isOfTheFuture);
      if (!isLost || attempt === 3) throw err;
    }
  }
}

function isCompacted(err: unknown): boolean {
  return err instanceof EtcdRefusal && err.isCompacted;
}
