// Caches what each machine's agent is to do, so that a heartbeat reads no record. An entry lives until
// the record, or something that the decision depends on, changes.
import type { Machine } from '../../model/machine.ts';
import type { Decision } from '../rules/decide.ts';

export class Decisions {
  readonly #decide: (machine: Machine) => Promise<Decision>;
  readonly #known = new Map<string, Decision>();
  /** The latest read of each machine that is under way and that no change has overtaken. */
  readonly #reads = new Map<string, object>();

  constructor(decide: (machine: Machine) => Promise<Decision>) {
    this.#decide = decide;
  }

  /** The decision, while it holds. */
  get(machineId: string, now: Date): Decision | undefined {
    const decision = this.#known.get(machineId);
    return decision?.until !== undefined && decision.until <= now ? undefined : decision;
  }

  /** Decides anew for the machine that `read` returns, and keeps that unless the machine changes meanwhile.
   *  Errors: those of `read` and of deciding; nothing is known of the machine then. */
  async refresh(machineId: string, read: () => Machine | Promise<Machine>): Promise<Decision> {
    const mark = {};
    this.#known.delete(machineId);
    this.#reads.set(machineId, mark);
    try {
      const decision = await this.#decide(await read());
      if (this.#reads.get(machineId) === mark) this.#known.set(machineId, decision);
      return decision;
    } finally {
      if (this.#reads.get(machineId) === mark) this.#reads.delete(machineId);
    }
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
