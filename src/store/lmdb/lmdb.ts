// The Kv on LMDB, the embedded default. One process at a time (see directory-lock.ts); every commit
// is on disk when it resolves.
import { statfsSync } from 'node:fs';
import type { RangeOptions, RootDatabase, Transaction } from 'lmdb';
import type { Clock } from '../../core/clock.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import { closedError, conflict } from '../kv/errors.ts';
import type { Kv, KvChange, KvEntry, KvExpectation, KvOperation, KvRead } from '../kv/kv.ts';
import { prefixEnd } from '../kv/kv.ts';
import { KnownPrefixes } from '../kv/known-prefixes.ts';
import { inPieces, scanPiece } from '../kv/pieces.ts';
import { Watchers } from '../kv/watchers.ts';
import { Commits, reasonOf, type Commit } from './commits.ts';
import { DataFile } from './data-file.ts';
import { entriesOf, failureTo, openEnvironment } from './environment.ts';
import { Reserve } from './reserve.ts';
import { Snapshot } from './snapshot.ts';
import { ValueBytes } from './value-bytes.ts';

/** Codes of LMDB and of the system's errno. */
const mapFull = -30_792;
const inputOutput = 5;
const noSpace = 28;
const overQuota = 122;
/** With less than this free, a failed write is put down to a full disk. */
const littleBytes = 16 * 1024 * 1024;

const revisionKey = 'meta/revision';
/** Revisions given out between two writes of the counter. */
const revisionBlock = 1_000_000;
/** The interval at which readers that were killed are forgotten. */
const deadReadersMs = 60_000;

interface LmdbOptions {
  readonly readOnly: boolean;
  readonly release: () => void;
  readonly clock: Clock;
}

interface Found {
  readonly key: string;
  readonly value: string;
  readonly version?: number;
}

interface TakesBytes {
  put(key: string, value: Buffer, version: number): unknown;
}

export class LmdbKv implements Kv {
  /** The directory's lock keeps other servers out. */
  readonly isExclusive = true;
  readonly #directory: string;
  readonly #db: RootDatabase<string, string>;
  readonly #release: () => void;
  readonly #file: DataFile;
  readonly #reserve: Reserve;
  readonly #watchers = new Watchers();
  readonly #commits: Commits;
  readonly #bytes = new ValueBytes();
  readonly #bytesDb: TakesBytes;
  /** Every range that is read, one after another: making one anew takes as long as reading it. lmdb looks at what it is
   *  asked for when the range is gone through. */
  readonly #asked: RangeOptions = { versions: true };
  readonly #asRange: Iterable<Found>;
  readonly #prefixes: KnownPrefixes;
  readonly #pending = new Set<Promise<unknown>>();
  readonly #clock: Clock;
  #forgotMs: number;
  #closed = false;
  /** The last revision given out, and up to where the stored counter allows. */
  #revision: number;
  #reserved: number;

  private constructor(
    directory: string,
    db: RootDatabase<string, string>,
    { release, clock, readOnly }: LmdbOptions,
  ) {
    this.#directory = directory;
    this.#db = db;
    // It takes the bytes of a text in place of the text, which its types do not say.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    this.#bytesDb = db as unknown as TakesBytes;
    this.#asRange = db.getRange(this.#asked);
    this.#file = new DataFile(directory, clock, readOnly);
    this.#reserve = new Reserve(directory);
    if (!readOnly) this.#reserve.keep();
    this.#clock = clock;
    this.#forgotMs = clock.elapsedMs();
    this.#release = release;
    this.#revision = Number(db.get(revisionKey) ?? 0);
    this.#reserved = this.#revision;
    // Where others write as well, nobody knows what there is not.
    const keys = readOnly ? Infinity : entriesOf(db);
    this.#prefixes = new KnownPrefixes(keys, (after, limit) => this.#keys(after, limit));
    this.#commits = new Commits({
      // Only a child transaction is rolled back when its callback throws.
      transaction: (work) => this.#file.written(() => db.childTransaction(work)),
      apply: (commit) => this.#apply(commit),
    });
  }

  /** Opens the environment in `directory`. The caller holds its lock, and `release` is called once the
   *  environment is closed. */
  static open(directory: string, options: LmdbOptions): LmdbKv {
    const db = openEnvironment(directory, options.readOnly);
    return new LmdbKv(directory, db, options);
  }

  async read(reads: readonly KvRead[]): Promise<readonly (readonly KvEntry[])[]> {
    const isLacking = reads.map((read) => 'prefix' in read && this.#prefixes.lack(read.prefix));
    this.#refuseOther(reads.some((read, i) => 'prefix' in read && isLacking[i] !== true));
    try {
      return reads.map((read, i) => (isLacking[i] === true ? [] : this.#answer(read)));
    } catch (err) {
      throw await this.#explain('read', err);
    }
  }

  async commit(
    expectations: readonly KvExpectation[],
    operations: readonly KvOperation[],
  ): Promise<number> {
    try {
      return await this.#commit(expectations, operations);
    } catch (err) {
      // A removal, which begins with the record that goes.
      const isUrgent = operations.length > 0 && operations[0]?.value === undefined;
      if (!isUrgent || !isAppError(err, 'store.full') || !this.#reserve.release()) throw err;
      return this.#commit(expectations, operations);
    }
  }

  async #commit(
    expectations: readonly KvExpectation[],
    operations: readonly KvOperation[],
  ): Promise<number> {
    this.#refuseOther();
    this.#tidy();
    const written = this.#commits.add({ expectations, operations });
    this.#pending.add(written);
    try {
      const revision = await written;
      // Only now is it certain that the counter is on disk.
      if (revision > this.#reserved) this.#reserved = revision + revisionBlock;
      this.#watchers.announce(operations);
      return revision;
    } catch (err) {
      throw await this.#explain('write', err);
    } finally {
      this.#pending.delete(written);
    }
  }

  /** Writes a commit in the transaction that is open. */
  #apply({ expectations, operations }: Commit): number {
    const broken = expectations.find((e) => !this.#holds(e));
    if (broken !== undefined) throw conflict(broken);
    const next = (this.#revision += 1);
    if (next > this.#reserved) {
      this.#prefixes.written(revisionKey);
      void this.#db.put(revisionKey, String(next + revisionBlock), next);
    }
    for (const { key, value } of operations) {
      if (value !== undefined) this.#prefixes.written(key);
      void (value === undefined
        ? this.#db.remove(key)
        : this.#bytesDb.put(key, this.#bytes.of(value), next));
    }
    return next;
  }

  scan(prefix: string): AsyncIterable<readonly KvEntry[]> {
    return this.scanAll([prefix]);
  }

  async *scanAll(prefixes: readonly string[], most = scanPiece) {
    const snapshot = new Snapshot(this.#db, this.#clock);
    try {
      yield* inPieces(prefixes, most, (prefix, after, limit) => {
        this.#refuseOther(true);
        return this.#range({ prefix, after, limit }, snapshot.transaction);
      });
    } finally {
      snapshot.end();
    }
  }

  async watch(
    prefix: string,
    listener: (change: KvChange | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    this.#watchers.add(prefix, listener, signal);
  }

  settled(): Promise<void> {
    return this.#file.settled();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#pending);
    await this.#file.close();
    await this.#db.close();
    this.#release();
  }

  #answer(read: KvRead): readonly KvEntry[] {
    if ('prefix' in read) return this.#range(read);
    const entry = this.#db.getEntry(read.key);
    return entry === undefined
      ? []
      : [{ key: read.key, value: entry.value, revision: entry.version ?? 0 }];
  }

  #range(
    read: { prefix: string; after?: string | undefined; limit: number },
    transaction?: Transaction,
  ): KvEntry[] {
    const after = read.after !== undefined && read.after >= read.prefix ? read.after : undefined;
    Object.assign(this.#asked, {
      start: after ?? read.prefix,
      exclusiveStart: after !== undefined,
      end: prefixEnd(read.prefix),
      transaction,
    });
    const found: KvEntry[] = [];
    if (read.limit === 0) return found;
    for (const { key, value, version } of this.#asRange) {
      found.push({ key, value, revision: version ?? 0 });
      if (found.length === read.limit) break;
    }
    if (found.length === 0) this.#prefixes.lookedInVain();
    return found;
  }

  #keys(after: string | undefined, limit: number): readonly string[] {
    this.#refuseOther();
    const start = after === undefined ? {} : { start: after, exclusiveStart: true };
    const keys = [...this.#db.getKeys({ ...start, limit })];
    // In a file that is not what it was the list may have ended early.
    this.#refuseOther(true);
    return keys;
  }

  #holds(expectation: KvExpectation): boolean {
    if ('key' in expectation) {
      return (this.#db.getEntry(expectation.key)?.version ?? 0) === expectation.revision;
    }
    if (this.#prefixes.lack(expectation.prefix)) return true;
    const under = this.#range({ prefix: expectation.prefix, limit: Number.MAX_SAFE_INTEGER });
    return under.every((entry) => entry.revision <= expectation.newest);
  }

  /** Forgets dead readers: the pages that a backup or check saw stay in use when it is killed, and the file grows with
   *  every write. */
  #tidy(): void {
    const nowMs = this.#clock.elapsedMs();
    if (nowMs - this.#forgotMs < deadReadersMs) return;
    this.#forgotMs = nowMs;
    this.#db.readerCheck();
    this.#reserve.keep();
  }

  /** `isList`: in a file that is not what it was a list may end early, and would look like a short one. */
  #refuseOther(isList = false): void {
    if (this.#closed) throw closedError();
    this.#file.refuseOther(isList);
  }

  /** The AppError for what LMDB throws. */
  async #explain(what: 'read' | 'write', err: unknown): Promise<AppError> {
    if (err instanceof AppError) return err;
    const cause = await reasonOf(err);
    return this.#isFull(cause)
      ? new AppError(
          'store.full',
          `cannot ${what}: no space left on the disk of ${this.#directory}; free some, and it works again`,
          { cause },
        )
      : failureTo(what, this.#directory, cause);
  }

  #isFull(cause: unknown): boolean {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === noSpace || code === overQuota || code === mapFull) return true;
    if (code !== inputOutput) return false;
    // LMDB reports a write cut short by a full disk as an I/O error.
    const { bavail, bsize } = statfsSync(this.#directory);
    return bavail * bsize < littleBytes;
  }
}
