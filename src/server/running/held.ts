// The memory that slow clients hold, all together: answers that they do not read, bodies that they do not finish. Beyond a
// limit those are cut off who hold the most for the longest, at the address that holds the most. A host gives itself as many
// addresses of IPv6 as it likes: those of one network count as one.
import type { Clock } from '../../core/clock.ts';
import { networkOf } from '../../core/text/network-of.ts';

/** Something that a client holds. */
export interface Holding {
  readonly address: string;
  /** At this moment. */
  readonly bytes: number;
  /** Cuts the client off. */
  readonly cut: () => void;
}

/** All is looked at when one has grown by so much: a look goes through whatever is held. Units: bytes. */
const step = 16 * 1024;

interface Kept {
  /** Since when, on the monotonic clock. */
  readonly sinceMs: number;
  /** The size at which all is looked at again. */
  lookAt: number;
}

export class Held {
  readonly #clock: Clock;
  readonly #mostBytes: number;
  readonly #kept = new Map<Holding, Kept>();

  constructor(clock: Clock, mostBytes: number) {
    this.#clock = clock;
    this.#mostBytes = mostBytes;
  }

  add(holding: Holding): void {
    this.#kept.set(holding, { sinceMs: this.#clock.elapsedMs(), lookAt: step });
  }

  delete(holding: Holding): void {
    this.#kept.delete(holding);
  }

  /** Cuts off whom it has to, now that one has grown. Returns those that were cut, as they were. */
  grown(holding: Holding): readonly Pick<Holding, 'address' | 'bytes'>[] {
    const kept = this.#kept.get(holding);
    if (kept === undefined) return [];
    const { bytes } = holding;
    const isDue = bytes >= kept.lookAt;
    kept.lookAt = isDue ? bytes + step : Math.min(kept.lookAt, bytes + step);
    return isDue ? this.bound() : [];
  }

  /** The same at any time, before so much `more` is held. */
  bound(more = 0): readonly Pick<Holding, 'address' | 'bytes'>[] {
    const cut: Pick<Holding, 'address' | 'bytes'>[] = [];
    for (let bytes = this.#bytes + more; bytes > this.#mostBytes;) {
      const worst = this.#worst();
      if (worst === undefined) break;
      const { address, bytes: held } = worst;
      this.#kept.delete(worst);
      worst.cut();
      cut.push({ address, bytes: held });
      bytes -= held;
    }
    return cut;
  }

  get #bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#kept.keys()) sum += bytes;
    return sum;
  }

  #worst(): Holding | undefined {
    const byClient = new Map<string, number>();
    let most = '';
    for (const holding of this.#kept.keys()) {
      const client = clientOf(holding);
      const sum = (byClient.get(client) ?? 0) + holding.bytes;
      byClient.set(client, sum);
      if (sum >= (byClient.get(most) ?? 0)) most = client;
    }
    const nowMs = this.#clock.elapsedMs();
    let worst: Holding | undefined;
    let worstCost = 0;
    for (const [holding, { sinceMs }] of this.#kept) {
      const cost = holding.bytes * (nowMs - sinceMs + 1);
      if (cost <= worstCost || clientOf(holding) !== most) continue;
      worst = holding;
      worstCost = cost;
    }
    return worst;
  }
}

function clientOf({ address }: Holding): string {
  return networkOf(address) ?? address;
}
