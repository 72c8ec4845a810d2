// Limits of what one client may cost, by machine and by address: so many requests or bytes at one moment, and a
// steady rate from then on. A rack that powers on together stays far below them.
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import { networkOf } from '../../core/text/network-of.ts';
import { Held } from './held.ts';
import type { Metrics } from './metrics/metrics.ts';

/** So much at once, and so much a second from then on. */
export interface Limit {
  readonly burst: number;
  readonly perSecond: number;
}

export interface LimitPolicy {
  readonly machineCheckins: Limit;
  readonly addressCheckins: Limit;
  /** Machines that are new to the store. */
  readonly addressRegistrations: Limit;
  /** Those among them whose agents send no boot_id: one that is refused waits at its console for ever. */
  readonly addressStockRegistrations: Limit;
  /** The bytes that agents of one address send. */
  readonly addressBytes: Limit;
  /** The log that a machine sends. Units: bytes. */
  readonly machineLogs: Limit;
  /** The entries that a machine brings about in the audit log. */
  readonly machineAudit: Limit;
  /** Those that all machines of an address bring about: as many as may register at once, and a few a minute. */
  readonly addressAudit: Limit;
  /** Open event streams of one address, and of one token; readers that wait for lines of a log count too. */
  readonly streams: number;
  /** All open event streams, and as many waiting readers of logs. */
  readonly allStreams: number;
  /** The bytes that wait in memory for clients to read them. */
  readonly unreadBytes: number;
  /** The parts of bodies whose rest has not come. */
  readonly bodyBytes: number;
}

export const defaultLimits: LimitPolicy = {
  machineCheckins: { burst: 400, perSecond: 1 },
  addressCheckins: { burst: 2000, perSecond: 50 },
  addressRegistrations: { burst: 2000, perSecond: 0.2 },
  addressStockRegistrations: { burst: 20_000, perSecond: 2 },
  addressBytes: { burst: 256 * 1024 * 1024, perSecond: 1024 * 1024 },
  machineLogs: { burst: 512 * 1024, perSecond: 2048 },
  machineAudit: { burst: 5, perSecond: 1 / 600 },
  addressAudit: { burst: 2000, perSecond: 1 / 30 },
  streams: 64,
  allStreams: 256,
  unreadBytes: 64 * 1024 * 1024,
  bodyBytes: 64 * 1024 * 1024,
};

/** A network may have so many times the share of an address. */
export const networkFactor = 10;

/** The most clients that are remembered; those that have asked for nothing the longest go first. */
const mostClients = 100_000;

/** The sender of a check-in. */
export interface Client {
  readonly mac: string;
  readonly address: string;
  /** Many may have the address, as behind a proxy: it counts for nothing. */
  readonly isShared: boolean;
  /** Its agent sends no boot_id, as Dragonfly's own. */
  readonly isStock: boolean;
}

interface Bucket {
  left: number;
  atMs: number;
}

export class Limits {
  readonly unread: Held;
  readonly bodies: Held;
  readonly #policy: LimitPolicy;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  #recent = new Map<string, Bucket>();
  #earlier: ReadonlyMap<string, Bucket> = new Map();
  readonly #streams = new Map<string, number>();

  constructor(policy: LimitPolicy, clock: Clock, metrics: Metrics) {
    this.#policy = policy;
    this.#clock = clock;
    this.#metrics = metrics;
    this.unread = new Held(clock, policy.unreadBytes);
    this.bodies = new Held(clock, policy.bodyBytes);
  }

  /** Counts a check-in. The first one of a stock agent is not refused for how many there are from its address.
   *  Errors: AppError `server.limited`. */
  checkin({ mac, address, isShared, isStock }: Client, bytes: number): void {
    const { machineCheckins, addressCheckins, addressBytes } = this.#policy;
    // Somebody elsewhere who names its MAC must not use up what a stock agent has.
    const machine = isStock ? `stock ${mac} ${address}` : `machine ${mac}`;
    const isFirst = this.#bucketOf(machine) === undefined;
    this.#take(machine, machineCheckins, 1);
    if (isShared) return;
    if (!isStock || !isFirst) this.#takeFrom('address', address, addressCheckins, 1);
    this.#takeFrom('bytes', address, addressBytes, bytes);
  }

  /** Counts a machine that is new. Errors: AppError `server.limited`. */
  registration({ address, isShared, isStock }: Client): void {
    if (isShared) return;
    const { addressRegistrations, addressStockRegistrations } = this.#policy;
    if (isStock) this.#takeFrom('new stock', address, addressStockRegistrations, 1);
    else this.#takeFrom('new', address, addressRegistrations, 1);
  }

  /** Counts what a machine sends of its log, and each request as a kibibyte. `address`: undefined where many may have
   *  it. Errors: AppError `server.limited`. */
  logs(machineId: string, address: string | undefined, bytes: number): void {
    const { machineLogs, addressBytes } = this.#policy;
    this.#take(`log ${machineId}`, machineLogs, bytes + 1024);
    if (address !== undefined) this.#takeFrom('bytes', address, addressBytes, bytes);
  }

  /** Counts an entry that a machine brings about in the audit log: with many it would drive out those of operators, and so
   *  would many machines that one host makes up. Errors: AppError `server.limited`. */
  audited(machineId: string, { address, isShared }: Pick<Client, 'address' | 'isShared'>): void {
    const { machineAudit, addressAudit } = this.#policy;
    this.#take(`audit ${machineId}`, machineAudit, 1);
    if (!isShared) this.#takeFrom('audit of', address, addressAudit, 1);
  }

  /** Counts a stream of a kind, until the function that it returns is called. Errors: AppError `server.busy` where there
   *  are too many of all clients, `server.limited` of one. */
  stream(kind: 'event streams' | 'log readers', clients: readonly string[]): () => void {
    const { streams, allStreams } = this.#policy;
    const countOf = (name: string): number => this.#streams.get(name) ?? 0;
    if (countOf(kind) >= allStreams)
      throw new AppError('server.busy', `there are ${allStreams} ${kind} already`, {
        details: { retry_after_seconds: 10 },
      });
    if (clients.some((client) => countOf(client) >= streams)) throw this.#refusal('stream', 10);
    const counted = [kind, ...clients];
    for (const name of counted) count(this.#streams, name, 1);
    return () => {
      for (const name of counted) count(this.#streams, name, -1);
    };
  }

  /** Counts for an address, and for the network in which an IPv6 host gives itself as many as it likes. */
  #takeFrom(what: string, address: string, limit: Limit, amount: number): void {
    this.#take(`${what} ${address}`, limit, amount);
    const network = networkOf(address);
    if (network === undefined) return;
    const { burst, perSecond } = limit;
    const larger = { burst: burst * networkFactor, perSecond: perSecond * networkFactor };
    this.#take(`${what} ${network}`, larger, amount);
  }

  #take(client: string, { burst, perSecond }: Limit, amount: number): void {
    const nowMs = this.#clock.elapsedMs();
    const known = this.#bucketOf(client);
    const earned = known === undefined ? burst : ((nowMs - known.atMs) / 1000) * perSecond;
    const left = Math.min(burst, (known?.left ?? 0) + earned);
    const isRefused = left < amount;
    this.#remember(client, { left: isRefused ? left : left - amount, atMs: nowMs });
    if (isRefused) throw this.#refusal('limit', (amount - left) / perSecond);
  }

  #bucketOf(client: string): Bucket | undefined {
    return this.#recent.get(client) ?? this.#earlier.get(client);
  }

  /** Nobody is forgotten, and begins anew, by naming many others: whoever goes on asking is among the recent ones. */
  #remember(client: string, bucket: Bucket): void {
    if (this.#recent.size >= mostClients / 2 && !this.#recent.has(client)) {
      this.#earlier = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(client, bucket);
  }

  #refusal(kind: string, seconds: number): AppError {
    this.#metrics.refused.inc({ kind });
    return new AppError(
      'server.limited',
      'this client asks for too much at once; try again later',
      {
        details: { retry_after_seconds: Math.max(1, Math.ceil(seconds)) },
      },
    );
  }
}

/** Counts more or fewer of what a client has open; one that has nothing is forgotten. */
export function count(open: Map<string, number>, client: string, by: number): void {
  const left = (open.get(client) ?? 0) + by;
  if (left <= 0) open.delete(client);
  else open.set(client, left);
}
