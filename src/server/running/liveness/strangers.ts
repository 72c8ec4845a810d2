// Callers at another address than the one that a machine with a stock agent is heard from: a machine that moved, or a
// second one. A machine that moved is heard at its old address no more.
import type { Clock } from '../../../core/clock.ts';
import { leastGapMs } from './stock-rhythm.ts';
import { stockRhythmMs } from './pace.ts';

/** A stranger that comes again later than this is a new one. */
const forgottenMs = 10 * stockRhythmMs;
/** Limits of what is remembered; the oldest goes first. */
const mostAddresses = 8;
const mostMachines = 1000;

export class Strangers {
  readonly #clock: Clock;
  /** By machine, the time of the last check-in from each address. */
  readonly #heard = new Map<string, Map<string, number>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes note of a stranger's check-in. True if there are two: the machine itself was heard since the stranger's
   *  check-in before, and one agent that goes back and forth would have come less often. `ownMs`: when the machine was
   *  last heard. */
  hear(machineId: string, address: string, ownMs: number): boolean {
    const nowMs = this.#clock.elapsedMs();
    const all = this.#heard.get(machineId) ?? new Map<string, number>();
    const beforeMs = all.get(address) ?? -Infinity;
    keep(all, address, nowMs, mostAddresses);
    keep(this.#heard, machineId, all, mostMachines);
    if (nowMs - beforeMs > forgottenMs || ownMs <= beforeMs) return false;
    return Math.min(ownMs - beforeMs, nowMs - ownMs) < leastGapMs;
  }

  forget(machineId: string): void {
    this.#heard.delete(machineId);
  }
}

/** Sets a key as the newest, and drops the oldest beyond the limit. */
function keep<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
