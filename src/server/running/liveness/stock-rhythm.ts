// The rhythm of check-ins that show the very same: one agent checks in no sooner than a round after its last
// check-in, two that alternate are two machines. An agent that is started anew begins a new series; the one before
// never goes on.
import { wordMs } from './elsewhere.ts';
import { stockRhythmMs } from './pace.ts';

/** After this time without a check-in a machine is off, or runs what its workflow told it to. */
export const silentMs = 1.5 * stockRhythmMs;
/** An agent that was not started anew sends nothing earlier than this after its last check-in. */
export const leastGapMs = stockRhythmMs - 500;
/** A check-in that comes later than this after another one does not go on with its series. */
const mostGapMs = stockRhythmMs + 2000;
/** Two machines are known for two from here on: no accident of restarts repeats itself so often. */
const provenMs = 4 * stockRhythmMs - 500;
/** Gaps that differ by less are those of one agent that fails again and again. */
const leastDifferenceMs = 4000;
/** More series than anybody's check-ins have; the rest are not told apart. */
const mostSeries = 8;
/** More check-ins than their agents send in two rounds; the earlier ones are forgotten. */
const mostTimes = 256;

/** The check-ins of one agent between its start and its end, as far as its rhythm tells. */
interface Series {
  /** Unique on this server; with the server's name where another one heard it. */
  readonly id: string;
  /** Where its requests come from; null: not known. */
  readonly address: string | null;
  readonly isElsewhere: boolean;
  readonly sinceMs: number;
  lastMs: number;
  /** The last time that another one had been heard since its check-in before. */
  besideMs: number | undefined;
}

export interface Rhythm {
  /** Another agent was heard since the last check-in of this one. */
  readonly isBeside: boolean;
  /** When that was so last; undefined: never. */
  readonly besideMs: number | undefined;
  /** Two agents have been heard in turns for too long to be one. */
  readonly areTwo: boolean;
  /** The addresses of the others that live, where they are known and not this one's. */
  readonly others: readonly string[];
}

/** A series as one server tells it to the others. */
export interface ToldSeries {
  readonly id: string;
  readonly address: string | null;
  readonly sinceMs: number;
  readonly lastMs: number;
}

export class StockRhythm {
  #series: Series[] = [];
  #count = 0;
  /** The times of the last check-ins, of all series. */
  #times: number[] = [];
  /** Since when each check-in had another one beside it. */
  #besideSinceMs: number | undefined;

  /** Takes note of a check-in. */
  hear(nowMs: number, address: string | null): Rhythm {
    this.#forgetBefore(nowMs);
    const self = this.#goingOn(nowMs, address) ?? this.#begin(nowMs, address);
    const beforeMs = self.lastMs;
    const others = this.#series.filter((other) => other !== self && earliest(other) > beforeMs);
    const isBeside = beforeMs < nowMs && others.length > 0;
    self.lastMs = nowMs;
    if (isBeside) self.besideMs = nowMs;
    this.#times.push(nowMs);
    this.#besideSinceMs = isBeside ? (this.#besideSinceMs ?? nowMs) : undefined;
    const isProven = nowMs - (this.#besideSinceMs ?? nowMs) >= provenMs;
    const addresses = others.flatMap((other) => other.address ?? []);
    return {
      isBeside,
      besideMs: self.besideMs,
      areTwo: isProven && this.#isUneven(others),
      others: addresses.filter((one) => one !== address),
    };
  }

  /** Takes another server's word for a series there. */
  hearElsewhere(nowMs: number, { id, address, sinceMs, lastMs }: ToldSeries): void {
    this.#forgetBefore(nowMs);
    const known = this.#series.find((series) => series.id === id);
    if (known === undefined) {
      if (this.#series.length >= mostSeries) return;
      this.#series.push({ id, address, sinceMs, lastMs, isElsewhere: true, besideMs: undefined });
    } else if (lastMs > known.lastMs + wordMs) known.lastMs = lastMs;
    // The same check-in, told again.
    else return;
    this.#times.push(lastMs);
  }

  /** The series that this server heard in the last so many milliseconds. */
  heardHere(nowMs: number, withinMs: number): ToldSeries[] {
    return this.#series.filter(
      ({ isElsewhere, lastMs }) => !isElsewhere && nowMs - lastMs <= withinMs,
    );
  }

  /** The last check-in from this address, if it was of late. */
  lastFrom(address: string, nowMs: number): number | undefined {
    const last = Math.max(
      ...this.#series.flatMap((one) => (one.address === address ? one.lastMs : [])),
    );
    return nowMs - last <= silentMs ? last : undefined;
  }

  #goingOn(nowMs: number, address: string | null): Series | undefined {
    const gap = (series: Series): number => nowMs - series.lastMs;
    return (
      this.#series
        .filter((series) => !series.isElsewhere && series.address === address)
        .filter((series) => gap(series) >= leastGapMs && gap(series) <= mostGapMs)
        // Those that were heard first go on first.
        .toSorted((a, b) => a.lastMs - b.lastMs)[0]
    );
  }

  #begin(nowMs: number, address: string | null): Series {
    this.#count += 1;
    const begun = {
      id: String(this.#count),
      address,
      sinceMs: nowMs,
      lastMs: nowMs,
      isElsewhere: false,
      besideMs: undefined,
    };
    if (this.#series.length < mostSeries) this.#series.push(begun);
    return begun;
  }

  /** False for an agent that fails at regular intervals, which also looks like several. */
  #isUneven(others: readonly Series[]): boolean {
    const times = this.#times.toSorted((a, b) => a - b);
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? time));
    const least = leastDifferenceMs + (others.some((o) => o.isElsewhere) ? wordMs : 0);
    return Math.max(...gaps) - Math.min(...gaps) > least;
  }

  #forgetBefore(nowMs: number): void {
    this.#series = this.#series.filter(({ lastMs }) => nowMs - lastMs <= silentMs);
    this.#times = this.#times.filter((time) => nowMs - time <= 2 * stockRhythmMs).slice(-mostTimes);
  }
}

/** The earliest time at which it may have been heard last. */
function earliest({ lastMs, isElsewhere }: Series): number {
  return isElsewhere ? lastMs - wordMs : lastMs;
}
