// One watch on etcd, over as many connections and members as it takes. What this server writes itself is told at once
// and once, whether the watch has come to it or not.
//
// That a member answers proves nothing of the stream of its watch, which may be slow or stuck. So the watch counts as
// current as of a moment once the stream itself has come to the revision that a quorum had at that moment. What others
// write beside the prefix never comes through the stream; then a mark is written that does.
import type { Clock } from '../../core/clock.ts';
import type { KvChange, KvOperation } from '../kv/kv.ts';
import type { EtcdClient } from './etcd-client.ts';
import { isAnother, markOf, readWatch, watching, type EtcdState } from './etcd-messages.ts';

const retryMs = 200;
/** Without proof for so long, a mark is written. */
const markAfterMs = 1500;
/** A stream that brings nothing for so long, although there is something to bring, is left. */
const stuckMs = 5000;
/** The most revisions that are remembered as told. */
const mostTold = 10_000;

export interface WatchOptions {
  readonly client: EtcdClient;
  readonly clock: Clock;
  /** The newest revision of the store, by a quorum. */
  readonly newest: () => Promise<number>;
}

/** A state of the store that a quorum had. */
interface Known {
  readonly revision: number;
  /** On the monotonic clock: everything that was written before is in it. */
  readonly atMs: number;
}

export class EtcdWatch {
  readonly #prefix: string;
  readonly #listener: (change: KvChange | undefined) => void;
  readonly #options: WatchOptions;
  /** The stream has brought everything before. */
  #next: number;
  #header: EtcdState | undefined;
  /** Revisions that were told, by either way. */
  readonly #told = new Map<number, 'commit' | 'watch'>();
  #provenMs: number;
  /** Where the stream still has to come, in the order of time. */
  #ahead: Known[] = [];

  /** Tells what changed after `known`. */
  constructor(
    prefix: string,
    known: Known,
    listener: (change: KvChange | undefined) => void,
    options: WatchOptions,
  ) {
    this.#prefix = prefix;
    this.#next = known.revision + 1;
    this.#listener = listener;
    this.#options = options;
    this.#provenMs = known.atMs;
  }

  /** Everything that was written before had been told. Units: milliseconds of the monotonic clock. */
  get provenMs(): number {
    return this.#provenMs;
  }

  /** The key to write so that something comes through the stream. */
  get mark(): string {
    return markOf(this.#prefix);
  }

  /** True where something has to come through the stream. */
  get wantsMark(): boolean {
    const isLate = this.#options.clock.elapsedMs() - this.#provenMs > markAfterMs;
    return isLate && this.#ahead.length > 0;
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
    const stuck = new AbortController();
    let isOpen = false;
    let heardMs = clock.elapsedMs();
    let cameTo = 0;
    const onAnswer = (atMs: number, revision: number): void => {
      if (revision < cameTo) stuck.abort(new Error('another etcd answers than the one watched'));
      else if (isOpen) this.#come(atMs, revision);
      // As of the next question, which is asked after this.
      cameTo = this.#next - 1;
      const isSilent = !isOpen || this.#ahead.length > 0;
      if (isSilent && atMs - Math.max(heardMs, this.#provenMs) > stuckMs) {
        stuck.abort(new Error('the stream of a watch is stuck'));
      }
    };
    this.#ahead = [];
    const ends = AbortSignal.any([signal, stuck.signal]);
    const request = watching(this.#prefix, this.#next);
    for await (const message of client.stream('/v3/watch', request, ends, onAnswer)) {
      heardMs = clock.elapsedMs();
      const { header, created, events, compacted } = readWatch(message);
      if (compacted !== undefined) {
        this.#reset(compacted);
        return;
      }
      // Changes from before may still come.
      if (created && (await this.#wentBack(header))) return;
      isOpen ||= created;
      if (!created) this.#tell(events, header);
    }
  }

  /** A quorum had `revision` at `atMs`. */
  #come(atMs: number, revision: number): void {
    this.#ahead.push({ atMs, revision });
    this.#prove();
  }

  #tell(events: ReturnType<typeof readWatch>['events'], header: EtcdState): void {
    for (const { change, revision } of events) {
      if (change.key === this.mark || this.#told.get(revision) === 'commit') continue;
      this.#note(revision, 'watch');
      this.#listener(change);
    }
    // With events the header may be ahead of them: etcd sends many in parts.
    const come = events.at(-1)?.revision ?? header.revision;
    this.#next = Math.max(this.#next, come + 1);
    this.#prove();
  }

  /** Moves on as far as the stream has come. */
  #prove(): void {
    const isThere = ({ revision }: Known): boolean => revision < this.#next;
    const last = this.#ahead.findLastIndex(isThere);
    if (last === -1) return;
    this.#provenMs = Math.max(this.#provenMs, this.#ahead[last]?.atMs ?? 0);
    this.#ahead = this.#ahead.slice(last + 1);
  }

  /** True for an etcd that was restored from a backup: what it has written since is not what was told. A member that
   *  lags behind shows an earlier revision as well, but the others know the later one. */
  async #wentBack(header: EtcdState): Promise<boolean> {
    const before = this.#header;
    this.#header = header;
    const isOther = before !== undefined && isAnother(header, before);
    if (!isOther && header.revision >= this.#next - 1) return false;
    const newest = await this.#options.newest();
    if (!isOther && newest >= this.#next - 1) return false;
    this.#reset(newest + 1);
    return true;
  }

  #reset(next: number): void {
    this.#told.clear();
    this.#ahead = [];
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
