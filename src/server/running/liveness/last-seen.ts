// The machines whose last_seen in the store is old: what a heartbeat leaves to be written in batches.
import type { Presence } from './presence.ts';

export class LastSeen {
  /** The longest waiting first. */
  readonly #waiting = new Map<string, Presence>();

  /** The machine was heard: the store has an older time. */
  add(presence: Presence): void {
    this.#waiting.set(presence.machineId, presence);
  }

  has(machineId: string): boolean {
    return this.#waiting.has(machineId);
  }

  /** The store has the time, or the machine is gone. */
  delete(machineId: string): void {
    this.#waiting.delete(machineId);
  }

  /** Takes up to `limit` machines whose last_seen has to be written. */
  take(limit: number): readonly Presence[] {
    const taken: Presence[] = [];
    for (const [id, presence] of this.#waiting) {
      if (taken.length >= limit) break;
      this.#waiting.delete(id);
      taken.push(presence);
    }
    return taken;
  }
}
