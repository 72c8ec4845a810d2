// Tells a machine with a stock agent, which sends no boot_id, from a second one with the same MAC: by what its
// check-ins show, and by their rhythm. Kept in memory.
import { hash } from 'node:crypto';
import type { Clock } from '../../../core/clock.ts';
import type { CheckinRequest } from '../../../model/api/agent.ts';
import { told } from '../../../model/api/wire.ts';
import { stockRhythmMs } from './pace.ts';

/** The parts of a check-in by which two such machines can differ. */
export type StockBody = Pick<
  CheckinRequest,
  'hostname' | 'ip_address' | 'cpu_model' | 'cpu_cores' | 'memory_bytes' | 'disks'
>;

/** The part of it that is kept: little for any number of disks. */
export type Shown = Omit<StockBody, 'disks'> & { readonly disks: string | null };

/** The relation of a check-in to the others for its machine, and the other live machine, if any. */
export type StockClaim =
  /** No other was heard of late. */
  | { readonly is: 'alone' }
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
  heardMs: number;
}

/** After this time without a check-in a machine is off, or runs what its workflow told it to. */
const silentMs = 1.5 * stockRhythmMs;
/** An agent that was not started anew sends nothing earlier than this after its last check-in. */
const leastGapMs = stockRhythmMs - 500;
/** More claimants of one machine than anybody has; the rest are not told apart. */
const mostClaimants = 8;

export class StockClaims {
  readonly #clock: Clock;
  /** By machine, the first claimant first. */
  readonly #claimants = new Map<string, Claimant[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes note of a check-in. Two machines live where one shows the same as before and another was heard
   *  between, or where processors differ: no machine changes and changes back within a round. */
  hear(machineId: string, body: StockBody): StockClaim {
    const nowMs = this.#clock.elapsedMs();
    const shown = shownBy(body);
    const all = this.#recent(machineId, nowMs);
    const before = all.findLast((claimant) => isSame(claimant.shown, shown));
    const others = all.filter((claimant) => claimant !== before);
    const beforeMs = before?.heardMs ?? Infinity;
    const second = others.find(
      (other) => other.heardMs > beforeMs || haveOtherProcessors(other.shown, shown),
    );
    const self = before ?? {
      shown,
      isClear: others.every(({ heardMs }) => nowMs - heardMs >= leastGapMs),
      heardMs: nowMs,
    };
    self.heardMs = nowMs;
    self.shown = { ...self.shown, ...told(shown) };
    if (before === undefined && all.length < mostClaimants) all.push(self);
    if (second !== undefined) {
      return { is: all[0] === self ? 'first of two' : 'second of two', other: second.shown };
    }
    return { is: others.length === 0 || self.isClear ? 'alone' : 'not yet' };
  }

  /** The last time such a check-in was heard, on the wall clock; undefined: not recently. */
  lastHeard(machineId: string, body: StockBody): Date | undefined {
    const nowMs = this.#clock.elapsedMs();
    const shown = shownBy(body);
    const claimant = this.#recent(machineId, nowMs).findLast((c) => isSame(c.shown, shown));
    if (claimant === undefined) return undefined;
    return new Date(this.#clock.now().getTime() - (nowMs - claimant.heardMs));
  }

  forget(machineId: string): void {
    this.#claimants.delete(machineId);
  }

  #recent(machineId: string, nowMs: number): Claimant[] {
    const all = this.#claimants.get(machineId) ?? [];
    const recent = all.filter(({ heardMs }) => nowMs - heardMs <= silentMs);
    this.#claimants.set(machineId, recent);
    return recent;
  }
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
