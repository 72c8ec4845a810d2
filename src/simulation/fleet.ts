// A fleet of simulated machines, each with the real loop and transport: all powered on at once, then
// rebooted, repaired, reinstalled and cloned while the server keeps its records.
import type { AgentEvent } from '../agent/state.ts';
import type { Inventory } from '../model/inventory.ts';
import { SimulatedMachine, type Draw, type Mishap } from './machine.ts';
import { PoweredMachine, type Site } from './powered.ts';

/** Mishaps per hundred machines in each round. */
interface FleetRates {
  readonly reboots: number;
  readonly nicSwaps: number;
  readonly reimages: number;
  /** Machines whose disk is copied to another machine. */
  readonly clones: number;
  /** Machines copied whole, SMBIOS UUID and all, as virtual machines are. */
  readonly twins: number;
}

export interface FleetOptions extends Site {
  readonly machines: number;
  readonly rounds: number;
  readonly rates: FleetRates;
  /** The machines to copy. */
  readonly models: readonly Inventory[];
  /** Decides identities and mishaps; the same draws give the same fleet. */
  readonly draw: Draw;
  readonly onProgress?: (progress: FleetProgress) => void;
}

interface FleetProgress {
  readonly step: string;
  readonly done: number;
  readonly of: number;
}

interface FleetCounts {
  checkins: number;
  heartbeats: number;
  failures: number;
  reboots: number;
  nicSwaps: number;
  reimages: number;
  clones: number;
  twins: number;
}

/** The time a machine is off when it reboots. */
const offMs = 1_000;

export class Fleet {
  readonly #o: FleetOptions;
  readonly #powered: PoweredMachine[] = [];
  readonly counts: FleetCounts = {
    checkins: 0,
    heartbeats: 0,
    failures: 0,
    reboots: 0,
    nicSwaps: 0,
    reimages: 0,
    clones: 0,
    twins: 0,
  };
  /** A sentence for each machine that got another id than before. */
  readonly idChanges: string[] = [];
  /** The time that each machine waited for its first registration. */
  readonly waitsMs: number[] = [];

  constructor(options: FleetOptions) {
    this.#o = options;
  }

  get machines(): readonly SimulatedMachine[] {
    return this.#powered.map((p) => p.machine);
  }

  /** Powers all machines on at once. Resolves when all are registered. */
  async powerOn(): Promise<void> {
    const { machines, models, draw } = this.#o;
    const made = Array.from({ length: machines }, (_, i) => {
      const model = models[i % models.length];
      if (model === undefined) throw new RangeError('a fleet needs a model');
      return new SimulatedMachine(`sim-${i}`, model, draw);
    });
    await this.#start('powering on', made);
  }

  /** Runs a round of mishaps. Resolves when all are registered again. */
  async round(number: number): Promise<void> {
    const { rates, draw } = this.#o;
    const chance = (percent: number): boolean => draw() * 100 < percent;
    const clones: SimulatedMachine[] = [];
    const twins: SimulatedMachine[] = [];
    const reboots: Promise<void>[] = [];
    for (const powered of this.#powered) {
      const mishaps: Mishap[] = [];
      if (chance(rates.nicSwaps)) mishaps.push('nic swap');
      if (chance(rates.reimages)) mishaps.push('re-image');
      if (chance(rates.reboots)) mishaps.push('reboot');
      if (mishaps.length > 0) reboots.push(this.#reboot(powered, mishaps));
      const { machine } = powered;
      if (chance(rates.clones)) clones.push(machine.clone(`${machine.name}-clone-${number}`));
      // Only a running machine has a twin: one that is off cannot be told from it.
      if (mishaps.length === 0 && chance(rates.twins)) {
        twins.push(machine.twin(`${machine.name}-twin-${number}`));
      }
    }
    this.counts.clones += clones.length;
    this.counts.twins += twins.length;
    await Promise.all([
      this.#watch(`round ${number}`, reboots),
      this.#start(`round ${number}: clones`, [...clones, ...twins]),
    ]);
  }

  /** Powers all machines off. */
  async powerOff(): Promise<void> {
    await Promise.all(this.#powered.map((p) => p.powerOff()));
  }

  async #start(step: string, machines: readonly SimulatedMachine[]): Promise<void> {
    const { clock } = this.#o;
    const startedMs = clock.elapsedMs();
    const waits = machines.map(async (machine) => {
      const powered = new PoweredMachine(machine, this.#o, (event) => this.#count(machine, event));
      this.#powered.push(powered);
      await powered.powerOn();
      this.waitsMs.push(clock.elapsedMs() - startedMs);
    });
    await this.#watch(step, waits);
  }

  async #reboot(powered: PoweredMachine, mishaps: readonly Mishap[]): Promise<void> {
    const { clock, signal } = this.#o;
    await powered.powerOff();
    await clock.sleep(offMs, signal);
    for (const mishap of mishaps) powered.machine.undergo(mishap);
    this.counts.reboots += 1;
    if (mishaps.includes('nic swap')) this.counts.nicSwaps += 1;
    if (mishaps.includes('re-image')) this.counts.reimages += 1;
    await powered.powerOn();
  }

  #count(machine: SimulatedMachine, event: AgentEvent): void {
    if (event.type === 'beaten') this.counts.heartbeats += 1;
    if (event.type === 'failed') this.counts.failures += 1;
    if (event.type !== 'checked-in') return;
    this.counts.checkins += 1;
    const { machine_id: id } = event.answer;
    const before = machine.id;
    machine.id = id;
    if (before === undefined || before === id) return;
    this.idChanges.push(`${machine.name} was ${before} and became ${id}`);
  }

  /** Waits for all, and reports how many are done. */
  async #watch(step: string, work: readonly Promise<void>[]): Promise<void> {
    let done = 0;
    const tell = (): void => this.#o.onProgress?.({ step, done, of: work.length });
    tell();
    await Promise.all(
      work.map(async (one) => {
        await one;
        done += 1;
        tell();
      }),
    );
  }
}
