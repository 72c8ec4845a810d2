// The other servers of the same store. Each tells there every two seconds which machines it heard, in durations, so
// that all say the same of a machine whatever their clocks show.
import type { Clock } from '../../../core/clock.ts';
import type { Revision, Store } from '../../../store/store.ts';
import type { Liveness } from './liveness.ts';

/** The interval at which a server looks for others, and tells them what it heard. */
export const exchangeMs = 2000;
/** A word repeats what the two before it told, in case one was missed. */
const repeatMs = 3 * exchangeMs;
/** Without others a server only says that it is there, this often. */
const aloneMs = 10_000;
/** A server that says nothing for `goneMs` counts as gone, and its word is removed after `removedMs`. */
const goneMs = 30_000;
const removedMs = 300_000;

export class OtherServers {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #liveness: Liveness;
  readonly #self: string;
  readonly #known = new Map<string, { revision: Revision; changedMs: number }>();
  #count = 0;
  #saidMs = -Infinity;

  /** `self` names this run of the server. */
  constructor(store: Store, clock: Clock, liveness: Liveness, self: string) {
    this.#store = store;
    this.#clock = clock;
    this.#liveness = liveness;
    this.#self = self;
  }

  /** Hears what the others say, and tells them. Calls `onTwo` for each machine of which two boots live, one here
   *  and one there, with the boot that gave way. Errors: those of the store; then silence says nothing. */
  async exchange(
    onTwo: (machineId: string, gaveWay: string | null) => Promise<void>,
  ): Promise<void> {
    if (this.#store.isExclusive) return;
    const nowMs = this.#clock.elapsedMs();
    const two: [string, string | null][] = [];
    // A page ends early where servers hear many machines.
    for await (const { value, revision } of this.#store.presences.all()) {
      if (value.server === this.#self) continue;
      const before = this.#known.get(value.server);
      if (before?.revision !== revision) {
        this.#known.set(value.server, { revision, changedMs: nowMs });
        // Words from before this server looked may be old.
        if (before === undefined) continue;
        for (const claimant of value.claimants ?? []) {
          this.#liveness.stock.hearElsewhere(value.server, claimant);
        }
        for (const machine of value.machines) {
          const clash = this.#liveness.hearElsewhere(machine);
          if (clash !== undefined) two.push([machine.machine_id, clash.gaveWay]);
        }
      } else if (nowMs - before.changedMs >= removedMs) {
        await this.#store.presences.delete(value.server);
        this.#known.delete(value.server);
      }
    }
    this.#liveness.heardFromOthers();
    await this.#tell(nowMs);
    for (const [machineId, gaveWay] of two) await onTwo(machineId, gaveWay);
  }

  /** Takes this server's word from the store. Errors: those of the store. */
  async leave(): Promise<void> {
    if (this.#count > 0) await this.#store.presences.delete(this.#self);
  }

  async #tell(nowMs: number): Promise<void> {
    const isAlone = ![...this.#known.values()].some(({ changedMs }) => nowMs - changedMs < goneMs);
    if (isAlone && nowMs - this.#saidMs < aloneMs) return;
    this.#saidMs = nowMs;
    this.#count += 1;
    const machines = isAlone ? [] : this.#liveness.heardHere(repeatMs);
    const claimants = isAlone ? [] : this.#liveness.stock.heardHere(repeatMs);
    const word = { server: this.#self, count: this.#count, machines };
    await this.#store.presences.put(claimants.length === 0 ? word : { ...word, claimants });
  }
}
