// The machines whose last_seen in the store is old: what a heartbeat leaves to be written in batches.
import type { Heard } from './heard.ts';

export class LastSeen {
  /** The longest waiting first. */
  readonly #waiting = new Map<string, Heard>();

  /** The machine was heard: the store has an older time. */
  add(machine: Heard): void {
    // For nearly every heartbeat, which spares it a look into the map.
    if (machine.isWaiting) return;
    // It was forgotten and heard anew while its time was being written, which failed: the later time counts.
    const other = this.#waiting.get(machine.machineId);
    if (other !== undefined && other.seenMs > machine.seenMs) return;
    this.delete(machine.machineId);
    machine.isWaiting = true;
    this.#waiting.set(machine.machineId, machine);
  }

  get size(): number {
    return this.#waiting.size;
  }

  has(machineId: string): boolean {
    return this.#waiting.has(machineId);
  }

  /** The store has the time, or the machine is gone. */
  delete(machineId: string): void {
    const machine = this.#waiting.get(machineId);
    if (machine === undefined) return;
    machine.isWaiting = false;
    this.#waiting.delete(machineId);
  }

  /** Takes up to `limit` machines whose last_seen has to be written. */
  take(limit: number): readonly Heard[] {
    const taken: Heard[] = [];
    for (const [id, machine] of this.#waiting) {
      if (taken.length >= limit) break;
      this.delete(id);
      taken.push(machine);
    }
    return taken;
  }
}
