// The audit log's entries for agents that come with an operator's token. Such an agent sends the same again and again; the log
// is to say for which machine the token speaks and from where, and not each time.
import type { Clock } from '../../core/clock.ts';
import type { NewEntry } from '../running/audit-log.ts';

const againMs = 86_400_000;
/** The most entries that are remembered; the oldest is written again first. */
const mostKnown = 100_000;

export class AgentsEntries {
  readonly #clock: Clock;
  /** When each was written, the oldest first. */
  readonly #writtenMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Writes an entry, unless its like was written in the last day. Errors: those of `write`. */
  async once(entry: NewEntry, write: () => Promise<void>): Promise<void> {
    const { by, from, action, records, change } = entry;
    // Each kind of a workflow's events has its own.
    const key = JSON.stringify([by, from, action, records, Object(change).type]);
    const nowMs = this.#clock.elapsedMs();
    if (nowMs - (this.#writtenMs.get(key) ?? -Infinity) < againMs) return;
    this.#writtenMs.delete(key);
    this.#writtenMs.set(key, nowMs);
    for (const oldest of this.#writtenMs.keys()) {
      if (this.#writtenMs.size <= mostKnown) break;
      this.#writtenMs.delete(oldest);
    }
    try {
      await write();
    } catch (err) {
      this.#writtenMs.delete(key);
      throw err;
    }
  }
}
