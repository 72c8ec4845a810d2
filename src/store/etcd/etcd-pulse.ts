// Asks the members that watches hang on, every few seconds, whether they are there: a hung member, or one that was cut
// off from the others, keeps its connections open and sends nothing.
import type { Clock } from '../../core/clock.ts';

const everyMs = 1000;

/** Somebody who depends on a member. */
export interface Dependent {
  /** The member answered what it was asked at `atMs`, with a revision that had everything written until then.
   *  Units: milliseconds of the monotonic clock. */
  onAnswer(atMs: number, revision: number): void;
  /** The member does not answer. */
  onLost(): void;
}

interface Member {
  readonly dependents: Set<Dependent>;
  /** Aborted once nobody depends on it. */
  readonly stop: AbortController;
}

export class Pulse {
  readonly #clock: Clock;
  readonly #ask: (member: string) => Promise<number>;
  readonly #members = new Map<string, Member>();

  /** `ask` gets the newest revision by a quorum, and fails in time. */
  constructor(clock: Clock, ask: (member: string) => Promise<number>) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** Until the function that it returns is called. */
  depend(member: string, dependent: Dependent): () => void {
    const known = this.#members.get(member);
    const felt = known ?? { dependents: new Set(), stop: new AbortController() };
    felt.dependents.add(dependent);
    this.#members.set(member, felt);
    if (known === undefined) void this.#feel(member, felt);
    return () => {
      felt.dependents.delete(dependent);
      if (felt.dependents.size > 0) return;
      felt.stop.abort();
      if (this.#members.get(member) === felt) this.#members.delete(member);
    };
  }

  async #feel(member: string, { dependents, stop }: Member): Promise<void> {
    while (!stop.signal.aborted) {
      const atMs = this.#clock.elapsedMs();
      try {
        const revision = await this.#ask(member);
        for (const dependent of dependents) dependent.onAnswer(atMs, revision);
      } catch {
        for (const dependent of dependents) dependent.onLost();
      }
      await this.#clock.sleep(everyMs, stop.signal).catch(() => {});
    }
  }
}
