// The machines that proved a short while ago to own a token: a heartbeat with it needs neither the store nor
// hashing.
import type { Clock } from '../../core/clock.ts';
import { tokenId } from '../../model/machine.ts';
import type { Store } from '../../store/store.ts';
import { areEqual, areSameText, digest } from './digest.ts';
import type { Principal } from './principal.ts';

/** Limits for trusting a machine's token without asking the store: time, and number of machines. */
const proofLastsMs = 60_000;
const mostProven = 200_000;

interface Proof {
  readonly token: string;
  readonly principal: Principal;
  readonly provenMs: number;
}

export class Proofs {
  readonly #store: Store;
  readonly #clock: Clock;
  /** The token that each machine last proved to own. */
  readonly #proven = new Map<string, Proof>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The machine, if it proved a short while ago that the token is its own. */
  recall(machineId: string, token: string): Principal | undefined {
    const proof = this.#proven.get(machineId);
    if (proof === undefined || this.#clock.elapsedMs() - proof.provenMs >= proofLastsMs) {
      return undefined;
    }
    return areSameText(proof.token, token) ? proof.principal : undefined;
  }

  /** The machine, if the token was its own when it was last asked for. */
  last(machineId: string, token: string): Principal | undefined {
    const proof = this.#proven.get(machineId);
    return proof !== undefined && areSameText(proof.token, token) ? proof.principal : undefined;
  }

  /** The machine, if the record says that the token is its own. */
  async prove(machineId: string, token: string): Promise<Principal | undefined> {
    const provenMs = this.#clock.elapsedMs();
    const machine = await this.#store.machines.get(machineId);
    const sent = digest(token);
    const own = (machine?.value.token_sha256 ?? []).find((hex) =>
      areEqual(Buffer.from(hex, 'hex'), sent),
    );
    if (own === undefined) {
      if (this.last(machineId, token) !== undefined) this.forget(machineId);
      return undefined;
    }
    if (this.#proven.size >= mostProven) this.#proven.clear();
    const principal = { kind: 'machine', machineId, tokenId: tokenId(own) } as const;
    this.#proven.set(machineId, { token, principal, provenMs });
    return principal;
  }

  /** Forgets a machine whose tokens changed, or that is gone. */
  forget(machineId: string): void {
    this.#proven.delete(machineId);
  }
}
