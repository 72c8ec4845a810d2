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

export class Held {
  readonly #clock: Clock;
  readonly #mostBytes: number;
  /** Since when each is held, on the monotonic clock. */
  readonly #sinceMs = new Map<Holding, number>();

  constructor(clock: Clock, mostBytes: number) {
    this.#clock = clock;
    this.#mostBytes = mostBytes;
  }

  add(holding: Holding): void {
    this.#sinceMs.set(holding, this.#clock.elapsedMs());
  }

  delete(holding: Holding): void {
    this.#sinceMs.delete(holding);
  }

  /** Cuts off whom it has to. To be called as more is held, or before (`more`). Returns those that were cut, as they were. */
  bound(more = 0): readonly Pick<Holding, 'address' | 'bytes'>[] {
    const cut: Pick<Holding, 'address' | 'bytes'>[] = [];
    for (let bytes = this.#bytes + more; bytes > this.#mostBytes;) {
      const worst = this.#worst();
      if (worst === undefined) break;
      const { address, bytes: held } = worst;
      this.#sinceMs.delete(worst);
      worst.cut();
      cut.push({ address, bytes: held });
      bytes -= held;
    }
    return cut;
  }

  get #bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#sinceMs.keys()) sum += bytes;
    return sum;
  }

  #worst(): Holding | undefined {
    const byClient = new Map<string, number>();
    let most = '';
    for (const holding of this.#sinceMs.keys()) {
      const client = clientOf(holding);
      const sum = (byClient.get(client) ?? 0) + holding.bytes;
      byClient.set(client, sum);
      if (sum >= (byClient.get(most) ?? 0)) most = client;
    }
    const nowMs = this.#clock.elapsedMs();
    let worst: Holding | undefined;
    let worstCost = 0;
    for (const [holding, sinceMs] of this.#sinceMs) {
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
