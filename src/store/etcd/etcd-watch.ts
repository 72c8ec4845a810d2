// One watch on etcd, over as many connections and members as it takes. What this server writes itself is told at once
// and once, whether the watch has come to it or not.
import type { Clock } from '../../core/clock.ts';
import type { KvChange, KvOperation } from '../kv/kv.ts';
import type { EtcdClient } from './etcd-client.ts';
import { readWatch, watching, type WatchHeader } from './etcd-messages.ts';

const retryMs = 200;
/** The most revisions that are remembered as told. */
const mostTold = 10_000;

export interface WatchOptions {
  readonly client: EtcdClient;
  readonly clock: Clock;
  /** The newest revision of the store, by a quorum. */
  readonly newest: () => Promise<number>;
}

export class EtcdWatch {
  readonly #prefix: string;
  readonly #listener: (change: KvChange | undefined) => void;
  readonly #options: WatchOptions;
  #next: number;
  #header: WatchHeader = { revision: 0, cluster: '', term: 0 };
  /** Revisions that were told, by either way. */
  readonly #told = new Map<number, 'commit' | 'watch'>();
  #provenMs: number;

  /** Tells changes from revision `from` on. */
  constructor(
    prefix: string,
    from: number,
    listener: (change: KvChange | undefined) => void,
    options: WatchOptions,
  ) {
    this.#prefix = prefix;
    this.#next = from;
    this.#listener = listener;
    this.#options = options;
    this.#provenMs = options.clock.elapsedMs();
  }

  /** Everything that was written before had been told. Units: milliseconds of the monotonic clock. */
  get provenMs(): number {
    return this.#provenMs;
  }

  /** Tells a commit of this server's own. */
  announce(operations: readonly KvOperation[], revision: number): void {
    const mine = operations.filter(({ key }) => key.startsWith(this.#prefix));
    if (mine.length === 0 || this.#told.get(revision) === 'watch') return;
    this.#note(revision, 'commit');
    for (const { key, value } of mine) this.#listener({ key, removed: value === undefined });
  }

  /** Until `signal` aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#followOne(signal);
      } catch {
        // The connection ended; the next one goes on where this one was.
      }
      await this.#options.clock.sleep(retryMs, signal).catch(() => {});
    }
  }

  async #followOne(signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    let isProven = false;
    const onProof = (atMs: number): void => {
      if (isProven) this.#provenMs = Math.max(this.#provenMs, atMs);
    };
    const messages = client.stream(
      '/v3/watch',
      watching(this.#prefix, this.#next),
      signal,
      onProof,
    );
    for await (const message of messages) {
      const { header, created, events, compacted } = readWatch(message);
      if (compacted !== undefined) {
        this.#reset(compacted);
        return;
      }
      if (created) {
        if (await this.#wentBack(header)) return;
        isProven = true;
        this.#provenMs = clock.elapsedMs();
      }
      for (const { change, revision } of events) {
        if (this.#told.get(revision) === 'commit') continue;
        this.#note(revision, 'watch');
        this.#listener(change);
      }
      this.#next = Math.max(this.#next, header.revision + 1);
    }
  }

  /** True for an etcd that was restored from a backup: what it has written since is not what was told. A member that
   *  lags behind shows an earlier revision as well, but the others know the later one. */
  async #wentBack(header: WatchHeader): Promise<boolean> {
    const before = this.#header;
    this.#header = header;
    const isOther =
      before.cluster !== '' && (before.cluster !== header.cluster || header.term < before.term);
    if (!isOther && header.revision >= this.#next - 1) return false;
    const newest = await this.#options.newest();
    if (!isOther && newest >= this.#next - 1) return false;
    this.#reset(newest + 1);
    return true;
  }

  #reset(next: number): void {
    this.#told.clear();
    this.#next = next;
    this.#listener(undefined);
  }

  #note(revision: number, by: 'commit' | 'watch'): void {
    this.#told.set(revision, by);
    if (this.#told.size <= mostTold) return;
    for (const oldest of this.#told.keys()) {
      this.#told.delete(oldest);
      break;
    }
  }
}
