// Tells a machine with a stock agent, which sends no boot_id, from a second one with the same MAC: by what its
// check-ins show, and by their rhythm. Kept in memory, and told to the other servers of the store.
import { hash } from 'node:crypto';
import type { Clock } from '../../../core/clock.ts';
import type { CheckinRequest } from '../../../model/api/agent.ts';
import { told } from '../../../model/api/wire.ts';
import type { HeardClaimant } from '../../../model/presence.ts';
import { wordMs } from './elsewhere.ts';
import { Strangers } from './strangers.ts';
import { leastGapMs, silentMs, StockRhythm, type Rhythm } from './stock-rhythm.ts';

/** The parts of a check-in by which two such machines can differ. */
export type StockBody = Pick<
  CheckinRequest,
  'hostname' | 'ip_address' | 'cpu_model' | 'cpu_cores' | 'memory_bytes' | 'disks'
>;

/** The part of it that is kept: little for any number of disks. */
export type Shown = Omit<StockBody, 'disks'> & { readonly disks: string | null };

/** The relation of a check-in to the others for its machine, and the other live machine, if any. */
export type StockClaim =
  /** No other was heard of late. `besideAt`: when there was one last that shows the very same. */
  | { readonly is: 'alone'; readonly besideAt: Date | undefined }
  /** Another agent that shows the very same was heard since this one's last check-in. `areTwo`: again and again;
   *  `others`: where those came from, if it was from elsewhere. */
  | {
      readonly is: 'beside its like';
      readonly areTwo: boolean;
      readonly others: readonly string[];
    }
  /** Another was heard less than a round before: a reboot with another name or address, or a second machine. */
  | { readonly is: 'not yet' }
  /** Another machine lives, and came later. */
  | { readonly is: 'first of two'; readonly other: Shown }
  /** Another machine lives, and came first. */
  | { readonly is: 'second of two'; readonly other: Shown };

interface Claimant {
  shown: Shown;
  /** Nobody else was heard less than a round before it. */
  readonly isClear: boolean;
  /** Known by another server's word alone. */
  isElsewhere: boolean;
  readonly sinceMs: number;
  heardMs: number;
  readonly rhythm: StockRhythm;
}

/** The most claimants that other servers are told of at once: the newest of a fleet that restarts. */
const mostTold = 1000;
/** More claimants of one machine than anybody has; the rest are not told apart. */
const mostClaimants = 8;

export class StockClaims {
  /** Who claims them from another address. */
  readonly strangers: Strangers;
  readonly #clock: Clock;
  readonly #startedMs: number;
  /** By machine, the first claimant first. */
  readonly #claimants = new Map<string, Claimant[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.elapsedMs();
    this.strangers = new Strangers(clock);
  }

  /** True until the silence of a machine says something: it may have been heard just before the server's start. */
  get isNew(): boolean {
    return this.#clock.elapsedMs() - this.#startedMs < silentMs;
  }

  /** The last check-in as the machine from this address, be it one that had to wait, on the monotonic clock; undefined: there
   *  was none of late. */
  lastFrom(machineId: string, address: string): number | undefined {
    const nowMs = this.#clock.elapsedMs();
    const times = (this.#claimants.get(machineId) ?? []).flatMap(
      ({ rhythm }) => rhythm.lastFrom(address, nowMs) ?? [],
    );
    return times.length === 0 ? undefined : Math.max(...times);
  }

  /** Takes note of a check-in. Two machines live where one shows the same as before and another was heard
   *  between, or where processors differ: no machine changes and changes back within a round. `address`: where it
   *  came from, if that is known. */
  hear(machineId: string, body: StockBody, address: string | null = null): StockClaim {
    const nowMs = this.#clock.elapsedMs();
    const shown = shownBy(body);
    const all = this.#recent(machineId, nowMs);
    const before = all.findLast((claimant) => isSame(claimant.shown, shown));
    const others = all.filter((claimant) => claimant !== before);
    const beforeMs = before?.isElsewhere === false ? before.heardMs : Infinity;
    const second = others.find(
      (other) => other.heardMs > beforeMs || haveOtherProcessors(other.shown, shown),
    );
    const isClear = others.every(({ heardMs }) => nowMs - heardMs >= leastGapMs);
    const self = before ?? claimantOf(shown, { isClear, sinceMs: nowMs, isElsewhere: false });
    self.heardMs = nowMs;
    self.isElsewhere = false;
    self.shown = { ...self.shown, ...told(shown) };
    const rhythm = self.rhythm.hear(nowMs, address);
    if (before === undefined && all.length < mostClaimants) all.push(self);
    if (second !== undefined) {
      const isFirst = others.every((other) => comesBefore(self, other));
      return { is: isFirst ? 'first of two' : 'second of two', other: second.shown };
    }
    return others.length === 0 || self.isClear ? this.#alone(rhythm) : { is: 'not yet' };
  }

  /** Takes another server's word for a claimant there. `server`: its name. */
  hearElsewhere(server: string, { machine_id: machineId, ...claimant }: HeardClaimant): void {
    const nowMs = this.#clock.elapsedMs();
    const all = this.#recent(machineId, nowMs);
    const lastMs = nowMs - claimant.silent_ms;
    const sinceMs = nowMs - claimant.held_ms;
    let known = all.find((one) => isSame(one.shown, claimant.shown));
    if (known === undefined) {
      if (all.length >= mostClaimants) return;
      known = claimantOf(claimant.shown, { isClear: true, sinceMs, isElsewhere: true });
      all.push(known);
    }
    // It may have been heard there so much earlier.
    if (known.isElsewhere) known.heardMs = Math.max(known.heardMs, lastMs - wordMs);
    const id = `${server}/${claimant.series}`;
    known.rhythm.hearElsewhere(nowMs, { id, address: claimant.address, sinceMs, lastMs });
  }

  /** The claimants that this server heard in the last so many milliseconds, as it tells other servers. */
  heardHere(withinMs: number): HeardClaimant[] {
    const nowMs = this.#clock.elapsedMs();
    const heard = [...this.#claimants].flatMap(([machine_id, all]) =>
      all.flatMap(({ shown, rhythm }) =>
        rhythm.heardHere(nowMs, withinMs).map(({ id, address, sinceMs, lastMs }) => ({
          machine_id,
          shown,
          series: id,
          address,
          silent_ms: nowMs - lastMs,
          held_ms: nowMs - sinceMs,
        })),
      ),
    );
    return heard.toSorted((a, b) => a.silent_ms - b.silent_ms).slice(0, mostTold);
  }

  /** The last time such a check-in was heard, on the wall clock; undefined: not recently. */
  lastHeard(machineId: string, body: StockBody): Date | undefined {
    const nowMs = this.#clock.elapsedMs();
    const shown = shownBy(body);
    const claimant = this.#recent(machineId, nowMs).findLast((c) => isSame(c.shown, shown));
    if (claimant === undefined || claimant.isElsewhere) return undefined;
    return this.#dateOf(claimant.heardMs);
  }

  #alone({ isBeside, besideMs, areTwo, others }: Rhythm): StockClaim {
    if (isBeside) return { is: 'beside its like', areTwo, others };
    return { is: 'alone', besideAt: besideMs === undefined ? undefined : this.#dateOf(besideMs) };
  }

  #dateOf(elapsedMs: number): Date {
    return new Date(this.#clock.now().getTime() - (this.#clock.elapsedMs() - elapsedMs));
  }

  forget(machineId: string): void {
    this.#claimants.delete(machineId);
    this.strangers.forget(machineId);
  }

  #recent(machineId: string, nowMs: number): Claimant[] {
    const all = this.#claimants.get(machineId) ?? [];
    const recent = all.filter(({ heardMs }) => nowMs - heardMs <= silentMs);
    this.#claimants.set(machineId, recent);
    return recent;
  }
}

function claimantOf(
  shown: Shown,
  kept: Pick<Claimant, 'isClear' | 'sinceMs' | 'isElsewhere'>,
): Claimant {
  return { ...kept, shown, heardMs: -Infinity, rhythm: new StockRhythm() };
}

/** True if `one` was there first. All servers have to say the same, although their measures of time differ by what a
 *  word takes. */
function comesBefore(one: Claimant, other: Claimant): boolean {
  const youngerMs = other.sinceMs - one.sinceMs;
  const isSure = !(one.isElsewhere || other.isElsewhere) || Math.abs(youngerMs) > wordMs;
  return isSure && youngerMs !== 0 ? youngerMs > 0 : nameOf(one) < nameOf(other);
}

function nameOf({ shown }: Claimant): string {
  return fields.map((field) => String(shown[field])).join(' ');
}

export function shownBy({ disks = [], ...body }: StockBody): Shown {
  const { hostname, ip_address, cpu_model, cpu_cores, memory_bytes } = body;
  const rest = told({ hostname, ip_address, cpu_model, cpu_cores, memory_bytes });
  if (disks.length === 0) return { ...rest, disks: null };
  // A reboot may give them other names.
  const sizes = disks.map(({ size_bytes }) => String(size_bytes)).toSorted();
  return { ...rest, disks: hash('sha256', sizes.join(' ')) };
}

/** True if nothing that both tell differs. */
export function isSame(one: Shown, other: Shown): boolean {
  return fields.every((field) => !differ(one[field], other[field]));
}

const fields = [
  'hostname',
  'ip_address',
  'cpu_model',
  'cpu_cores',
  'memory_bytes',
  'disks',
] as const;

function haveOtherProcessors(one: Shown, other: Shown): boolean {
  return differ(one.cpu_model, other.cpu_model) || differ(one.cpu_cores, other.cpu_cores);
}

function differ(one: unknown, other: unknown): boolean {
  return (one ?? null) !== null && (other ?? null) !== null && one !== other;
}
