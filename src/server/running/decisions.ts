// Caches what each machine's agent is to do, so that a heartbeat reads no record. An entry lives until
// the record, or something that the decision depends on, changes.
import type { Clock } from '../../core/clock.ts';
import type { Machine } from '../../model/machine.ts';
import type { Decision } from '../rules/decide.ts';

export class Decisions {
  readonly #decide: (machine: Machine) => Promise<Decision>;
  readonly #clock: Clock;
  readonly #known = new Map<string, { decision: Decision; untilMs: number | undefined }>();
  /** The latest read of each machine that is under way and that no change has overtaken. */
  readonly #reads = new Map<string, object>();

  constructor(decide: (machine: Machine) => Promise<Decision>, clock: Clock) {
    this.#decide = decide;
    this.#clock = clock;
  }

  /** The decision, while it holds: however the wall clock is set meanwhile. */
  get(machineId: string): Decision | undefined {
    const known = this.#known.get(machineId);
    if (known === undefined) return undefined;
    const holds = known.untilMs === undefined || this.#clock.elapsedMs() < known.untilMs;
    return holds ? known.decision : undefined;
  }

  /** Decides anew for the machine that `read` returns, and keeps that unless the machine changes meanwhile.
   *  Errors: those of `read` and of deciding; nothing is known of the machine then. */
  async refresh(machineId: string, read: () => Machine | Promise<Machine>): Promise<Decision> {
    const mark = {};
    this.#known.delete(machineId);
    this.#reads.set(machineId, mark);
    try {
      const decision = await this.#decide(await read());
      if (this.#reads.get(machineId) === mark)
        this.#known.set(machineId, { decision, untilMs: this.#endOf(decision) });
      return decision;
    } finally {
      if (this.#reads.get(machineId) === mark) this.#reads.delete(machineId);
    }
  }

  #endOf({ until }: Decision): number | undefined {
    if (until === undefined) return undefined;
    return this.#clock.elapsedMs() + (until.getTime() - this.#clock.now().getTime());
  }

  /** The machine changed, or is no longer heard: its next heartbeat reads its record again. undefined:
   *  any machine may have changed. */
  forget(machineId: string | undefined): void {
    for (const each of [this.#known, this.#reads]) {
      if (machineId === undefined) each.clear();
      else each.delete(machineId);
    }
  }
}
