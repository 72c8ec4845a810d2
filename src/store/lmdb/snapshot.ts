// A snapshot of a data file that is read for long. The pages that it keeps alive cannot be used again, so that the file
// grows with every write: it lasts no longer than one of etcd, which compacts what is old.
import type { RootDatabase, Transaction } from 'lmdb';
import type { Clock } from '../../core/clock.ts';

const longestMs = 300_000;

type Database = Pick<RootDatabase, 'useReadTransaction'>;

export class Snapshot {
  readonly #db: Database;
  readonly #clock: Clock;
  #sinceMs: number;
  #transaction: Transaction;

  constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#sinceMs = clock.elapsedMs();
    this.#transaction = db.useReadTransaction();
  }

  /** The one to read by: a newer one once the first has lasted for too long. */
  get transaction(): Transaction {
    if (this.#clock.elapsedMs() - this.#sinceMs > longestMs) {
      this.end();
      this.#transaction = this.#db.useReadTransaction();
      this.#sinceMs = this.#clock.elapsedMs();
    }
    return this.#transaction;
  }

  end(): void {
    this.#transaction.done();
  }
}
