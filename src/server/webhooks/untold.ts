// Events that are told by one server of the store alone, as they happen while another one has the turn. If that one ends,
// or loses the store, what happened since it was last known to post is told by the next.
import type { Clock } from '../../core/clock.ts';
import type { Happening } from './events.ts';

/** Servers notice the same thing within this time of each other. */
const apartMs = 10_000;

export interface Told extends Happening {
  /** The time at which it happened. */
  readonly timestamp: string;
}

interface Kept {
  readonly event: Told;
  readonly atMs: number;
}

export class Untold {
  readonly #clock: Clock;
  readonly #most: number;
  #kept: Kept[] = [];
  #dropped = 0;
  #droppedMs = -Infinity;

  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  add(event: Told): void {
    this.#kept.push({ event, atMs: this.#clock.elapsedMs() });
    if (this.#kept.length < 2 * this.#most) return;
    this.#droppedMs = this.#kept[this.#kept.length - this.#most - 1]?.atMs ?? this.#droppedMs;
    this.#dropped += this.#kept.length - this.#most;
    this.#kept = this.#kept.slice(-this.#most);
  }

  /** Another server has the turn: the events before are told by that one. */
  othersTurn(): void {
    const fromMs = this.#clock.elapsedMs() - apartMs;
    this.#kept = this.#kept.filter(({ atMs }) => atMs >= fromMs);
    if (this.#droppedMs < fromMs) this.#dropped = 0;
  }

  /** It is this server's turn: what it has to tell, and how many more there were than are kept. */
  take(): { readonly events: readonly Told[]; readonly dropped: number } {
    const taken = { events: this.#kept.map(({ event }) => event), dropped: this.#dropped };
    this.#kept = [];
    this.#dropped = 0;
    return taken;
  }
}
