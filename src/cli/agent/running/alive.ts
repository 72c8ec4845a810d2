// A sign of life for the script that supervises the agent: a file with a count that grows as long as the event loop
// turns, from one run to the next.
import { readFileSync, writeFileSync } from 'node:fs';
import type { AgentState } from '../../../agent/state.ts';
import type { Clock } from '../../../core/clock.ts';

const everyMs = 5_000;

export class SignOfLife {
  readonly #path: string;
  readonly #clock: Clock;
  #count: number;
  /** The time since which no server answers; undefined: one does, or there is work that does not need it. */
  #silentSinceMs: number | undefined;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    this.#count = countIn(path);
  }

  /** A server that refuses has answered: another way to it would lead to the same answer. */
  note({ lastFailure, order }: AgentState): void {
    const isSilent = lastFailure?.kind === 'network' && order === undefined;
    if (isSilent) this.#silentSinceMs ??= this.#clock.elapsedMs();
    else this.#silentSinceMs = undefined;
  }

  /** A server without an address does not answer either. */
  knowsNoServer(): void {
    this.#silentSinceMs ??= this.#clock.elapsedMs();
  }

  /** Writes "COUNT SECONDS" until the signal aborts: how often it was written, and for how long no server has
   *  answered. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#count += 1;
      const nowMs = this.#clock.elapsedMs();
      const silent = Math.floor((nowMs - (this.#silentSinceMs ?? nowMs)) / 1_000);
      try {
        writeFileSync(this.#path, `${this.#count} ${silent}\n`);
      } catch {
        // Then nobody is told; the agent works on.
      }
      await this.#clock.sleep(everyMs, signal).catch(() => {});
    }
  }
}

/** The count where an earlier run left it: agents that end soon, one after the other, do not look like one that hangs. */
function countIn(path: string): number {
  try {
    return Number(/^\d{1,15} /.exec(readFileSync(path, 'utf8'))?.[0] ?? 0);
  } catch {
    return 0;
  }
}
