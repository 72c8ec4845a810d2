// The commits that wait for LMDB, all in one transaction: a child transaction for each would copy every page that those
// before it have changed.
import { AppError } from '../../core/errors.ts';
import type { KvExpectation, KvOperation } from '../kv/kv.ts';

export interface Commit {
  readonly expectations: readonly KvExpectation[];
  readonly operations: readonly KvOperation[];
}

export interface Writer {
  /** Runs `work` in a transaction, which is rolled back where it throws, and resolves once that is on disk. */
  readonly transaction: (work: () => void) => Promise<void>;
  /** Writes a commit in the transaction that is open, and gives its revision. Errors: AppError, where it has written
   *  nothing; anything else, where it may have written a part. */
  readonly apply: (commit: Commit) => number;
}

interface Waiting {
  readonly commit: Commit;
  readonly resolve: (revision: number) => void;
  readonly reject: (err: unknown) => void;
}

export class Commits {
  readonly #writer: Writer;
  #waiting: Waiting[] = [];

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  /** Gives the commit's revision once it is on disk. Errors: those of the writer. */
  add(commit: Commit): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ commit, resolve, reject });
      // Whoever comes until LMDB begins goes along.
      if (this.#waiting.length === 1) void this.#write(this.#waiting);
    });
  }

  async #write(commits: readonly Waiting[]): Promise<void> {
    const settle: (() => void)[] = [];
    try {
      await this.#writer.transaction(() => {
        this.#close(commits);
        for (const one of commits) settle.push(this.#apply(one));
      });
      for (const done of settle) done();
    } catch (err) {
      this.#close(commits);
      const isOnesFault = settle.length < commits.length;
      // Nothing of any is there, and all but one may do.
      if (isOnesFault && commits.length > 1) for (const one of commits) void this.#write([one]);
      else for (const { reject } of commits) reject(err);
    }
  }

  /** Nobody goes along with these any more. */
  #close(commits: readonly Waiting[]): void {
    if (this.#waiting === commits) this.#waiting = [];
  }

  /** Applies a commit, and gives what is to be called once that is on disk. */
  #apply({ commit, resolve, reject }: Waiting): () => void {
    try {
      const revision = this.#writer.apply(commit);
      return () => resolve(revision);
    } catch (err) {
      if (!(err instanceof AppError)) throw err;
      return () => reject(err);
    }
  }
}

/** A failed commit has its reason in a second promise, whose rejection needs handling too. */
export async function reasonOf(err: unknown): Promise<unknown> {
  if (!(err instanceof Error) || !('commitError' in err)) return err;
  try {
    await err.commitError;
    return err;
  } catch (reason) {
    return reason;
  }
}
