// Authenticates requests and checks them against the access that each route demands. A route that names
// none takes a read token to read and a full one for anything else (see guard.ts).
import * as crypto from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import { tokenId, type Machine } from '../../model/machine.ts';
import type { TokenScope } from '../../model/api/tokens.ts';
import type { Store } from '../../store/store.ts';
import { BootSecrets, isBootSecret, type BootSecret } from './boot-secrets.ts';
import { StockAgents } from './stock-agents.ts';
import { closeForGood, hashToken, isClosedForGood, listTokens, machineOfToken } from './tokens.ts';

/** The access that a route demands. public: none. enrol: an enrolment token or a machine's own.
 *  agent: the machine's own token, or an operator's (read suffices to read). read, operate, full: an
 *  operator's. */
export type Access = 'public' | 'enrol' | 'agent' | 'read' | 'operate' | 'full';

export type Principal =
  | {
      readonly kind: 'token';
      readonly name: string;
      readonly scope: TokenScope;
      /** It is good for machines with one of these tags alone. */
      readonly tags?: readonly string[];
    }
  | { readonly kind: 'machine'; readonly machineId: string; readonly tokenId: string }
  /** A boot of the machine whose boot script gave this secret. */
  | { readonly kind: 'boot'; readonly secret: BootSecret }
  /** An agent without a token, where those are allowed. `address`: where the request came from. */
  | { readonly kind: 'stock'; readonly address: string }
  /** Not identified: any sender on a server without tokens. */
  | { readonly kind: 'anyone' };

export interface AuthOptions {
  /** Demands tokens even if there never were any. */
  readonly required?: boolean | undefined;
  /** An enrolment token from the settings, in addition to those in the store. */
  readonly enrolmentToken?: string | undefined;
  /** Lets agents without a token, such as Dragonfly's own, register and do the work of their own machine. */
  readonly stockAgents?: boolean | undefined;
}

interface Known {
  readonly name: string;
  readonly isStored: boolean;
  readonly principal: Principal;
  readonly hash: Buffer;
  readonly expiresMs: number;
}

/** The longest time to notice a token that another server created or revoked. */
const refreshMs = 5000;
/** Limits for trusting a machine's token without asking the store: time, and number of machines. */
const proofLastsMs = 60_000;
const mostProven = 200_000;

export class Auth {
  readonly stock = new StockAgents();
  readonly boots: BootSecrets;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #options: AuthOptions;
  #tokens = new Map<string, Known>();
  readonly #used = new Map<string, Date>();
  #hasTokens = false;
  /** The store has had a token. */
  #hadTokens = false;
  #refreshedMs = -Infinity;
  /** The token that each machine last proved to own; a heartbeat with it needs no hashing. */
  readonly #proven = new Map<string, { token: Buffer; tokenId: string; provenMs: number }>();

  constructor(store: Store, clock: Clock, options: AuthOptions = {}) {
    this.#store = store;
    this.#clock = clock;
    this.#options = options;
    this.boots = new BootSecrets(store, clock);
  }

  /** True if machines that boot from the network may enrol: with a secret for each boot, never with the
   *  enrolment token itself. */
  get enrolsBoots(): boolean {
    return this.#options.enrolmentToken !== undefined;
  }

  /** True if tokens are needed. If not, everybody on loopback may do everything. */
  async isConfigured(): Promise<boolean> {
    await this.#refresh();
    return this.#isClosed();
  }

  /** True if tokens are needed, but there are none: nobody gets in. */
  async isLocked(): Promise<boolean> {
    return (await this.isConfigured()) && !this.#hasTokens;
  }

  /** Returns the sender of an agent's request if it is known without asking the store, as for nearly every
   *  heartbeat. undefined: `admit` has to decide. */
  admitAtOnce(authorization: string | undefined, access: Access): Principal | undefined {
    const nowMs = this.#clock.elapsedMs();
    if (access === 'read' || access === 'operate' || access === 'full') return undefined;
    if (nowMs - this.#refreshedMs >= refreshMs) return undefined;
    if (!this.#isClosed()) return { kind: 'anyone' };
    const token = tokenOf(authorization, false) ?? '';
    const machineId = machineOfToken(token);
    return machineId === undefined ? undefined : this.#recall(machineId, token, nowMs);
  }

  /** Reads the tokens again at once, because this server changed them. */
  async reload(): Promise<void> {
    this.#refreshedMs = -Infinity;
    await this.#refresh();
  }

  /** Returns the sender of this Authorization header if it is good enough for `access`. `address`: where it
   *  came from. Errors: AppError `auth.required`, `auth.denied`. */
  async admit(
    authorization: string | undefined,
    access: Access,
    { isRead, address }: { isRead: boolean; address: string },
  ): Promise<Principal> {
    if (access === 'public' || !(await this.isConfigured())) return { kind: 'anyone' };
    const token = tokenOf(authorization, isRead);
    if (token === undefined) {
      const forAgents = access === 'enrol' || access === 'agent';
      if (forAgents && this.#options.stockAgents === true) return { kind: 'stock', address };
      throw new AppError('auth.required', `this needs a token: ${this.#howToGetOne(access)}`);
    }
    const principal = await this.#principalOf(token);
    if (principal === undefined) {
      throw new AppError(
        'auth.required',
        `the token is unknown, expired or revoked: ${this.#howToGetOne(access)}`,
      );
    }
    if (!allows(principal, access, isRead)) {
      throw new AppError('auth.denied', `the token does not allow this: ${howToGetOne(access)}`);
    }
    return principal;
  }

  /** When each stored token ends that does, in milliseconds since 1970. */
  async expiries(): Promise<ReadonlyMap<string, number>> {
    await this.#refresh();
    const ends = [...this.#tokens.values()].filter(({ isStored }) => isStored);
    return new Map(
      ends.filter(({ expiresMs }) => expiresMs !== Infinity).map((t) => [t.name, t.expiresMs]),
    );
  }

  /** The tokens that were used since the last call, and when. */
  takeUsed(): ReadonlyMap<string, Date> {
    const used = new Map(this.#used);
    this.#used.clear();
    return used;
  }

  /** Forgets a machine whose tokens changed, or that is gone. */
  forgetMachine(machineId: string): void {
    this.#proven.delete(machineId);
  }

  async #principalOf(token: string): Promise<Principal | undefined> {
    const machineId = machineOfToken(token);
    if (machineId !== undefined) {
      const nowMs = this.#clock.elapsedMs();
      return this.#recall(machineId, token, nowMs) ?? (await this.#prove(machineId, token, nowMs));
    }
    if (isBootSecret(token)) {
      const secret = this.enrolsBoots ? await this.boots.verify(token) : undefined;
      return secret && { kind: 'boot', secret };
    }
    const sent = digest(token);
    const known = this.#tokens.get(sent.toString('hex'));
    if (known === undefined || !areEqual(known.hash, sent)) return undefined;
    const now = this.#clock.now();
    if (known.expiresMs <= now.getTime()) return undefined;
    if (known.isStored) this.#used.set(known.name, now);
    return known.principal;
  }

  /** The machine, if the record says that the token is its own. */
  async #prove(machineId: string, token: string, nowMs: number): Promise<Principal | undefined> {
    const machine = await this.#store.machines.get(machineId);
    const sent = digest(token);
    const own = (machine?.value.token_sha256 ?? []).find((hex) =>
      areEqual(Buffer.from(hex, 'hex'), sent),
    );
    if (own === undefined) return undefined;
    if (this.#proven.size >= mostProven) this.#proven.clear();
    const proof = { token: Buffer.from(token), tokenId: tokenId(own), provenMs: nowMs };
    this.#proven.set(machineId, proof);
    return { kind: 'machine', machineId, tokenId: proof.tokenId };
  }

  #isClosed(): boolean {
    return this.#options.required === true || this.#hasTokens || this.#hadTokens;
  }

  #howToGetOne(access: Access): string {
    return this.#hasTokens
      ? howToGetOne(access)
      : 'there is none any more: stop the server and run "dragonfly-server token create NAME --scope full"';
  }

  /** The machine, if it proved a short while ago that the token is its own. */
  #recall(machineId: string, token: string, nowMs: number): Principal | undefined {
    const proof = this.#proven.get(machineId);
    if (proof === undefined || nowMs - proof.provenMs >= proofLastsMs) return undefined;
    if (!areEqual(proof.token, Buffer.from(token))) return undefined;
    return { kind: 'machine', machineId, tokenId: proof.tokenId };
  }

  async #refresh(): Promise<void> {
    const nowMs = this.#clock.elapsedMs();
    if (nowMs - this.#refreshedMs < refreshMs) return;
    // Set before the read, so that requests meanwhile use the known tokens instead of reading too.
    const first = this.#refreshedMs === -Infinity;
    if (!first) this.#refreshedMs = nowMs;
    const tokens = new Map<string, Known>();
    const stored = await listTokens(this.#store);
    this.#hadTokens ||= await isClosedForGood(this.#store);
    if (stored.length > 0 && !this.#hadTokens) {
      // Version 0.1.0 made them, which leaves no such mark.
      await closeForGood(this.#store, this.#clock);
      this.#hadTokens = true;
    }
    for (const record of stored) {
      // Agents have no tags before they register.
      if (record.tags !== undefined && record.scope === 'enrol') continue;
      const tags = record.tags === undefined ? {} : { tags: record.tags };
      tokens.set(record.sha256, {
        name: record.name,
        isStored: true,
        principal: { kind: 'token', name: record.name, scope: record.scope, ...tags },
        hash: Buffer.from(record.sha256, 'hex'),
        expiresMs: record.expires_at === null ? Infinity : Date.parse(record.expires_at),
      });
    }
    const configured = this.#options.enrolmentToken;
    if (configured !== undefined) {
      const sha256 = hashToken(configured);
      tokens.set(sha256, {
        name: 'configuration',
        isStored: false,
        principal: { kind: 'token', name: 'configuration', scope: 'enrol' },
        hash: Buffer.from(sha256, 'hex'),
        expiresMs: Infinity,
      });
    }
    this.#tokens = tokens;
    this.#hasTokens = stored.length > 0 || configured !== undefined;
    this.#refreshedMs = nowMs;
  }
}

/** A principal's name in logs and events. */
export function nameOf(by: Principal): string {
  switch (by.kind) {
    case 'anyone':
      return 'anyone';
    case 'stock':
      return `an agent at ${by.address}`;
    case 'machine':
      return `machine ${by.machineId}`;
    case 'boot':
      return `the boot script of ${by.secret.mac}`;
    case 'token':
      return by.name;
  }
}

/** True if secrets are shown in clear to this sender. */
export function seesSecrets(by: Principal): boolean {
  return (
    by.kind === 'anyone' || (by.kind === 'token' && by.scope === 'full' && by.tags === undefined)
  );
}

/** Refuses a machine's token that speaks for another machine. Errors: AppError `auth.denied`. */
export function refuseOtherMachine(by: Principal, machineId: string): void {
  if (by.kind === 'machine' && by.machineId !== machineId) {
    throw new AppError('auth.denied', 'the token belongs to another machine');
  }
}

/** Refuses an agent that speaks of another machine's work than its own. Errors: AppError `auth.denied`. */
export function refuseOtherWorker(auth: Auth, by: Principal, machine: Machine): void {
  refuseOtherMachine(by, machine.id);
  if (machine.report?.shows_less === true) {
    throw new AppError(
      'auth.denied',
      'the last check-in showed less of the machine than its record knows, which is no proof: check in with board, disks or all ports',
    );
  }
  if (by.kind === 'stock' && !auth.stock.mayWork(machine, by.address)) {
    throw new AppError(
      'auth.denied',
      'without a token an agent gets the work of its own machine alone, from the address of a check-in that showed the disks of the record',
    );
  }
}

function allows(principal: Principal, access: Access, isRead: boolean): boolean {
  if (principal.kind === 'anyone' || principal.kind === 'stock') return true;
  if (principal.kind === 'machine') return access === 'enrol' || access === 'agent';
  if (principal.kind === 'boot') return access === 'enrol';
  if (principal.scope === 'enrol') return access === 'enrol';
  if (principal.scope === 'full') return true;
  if (principal.scope === 'operate') return access !== 'full' && access !== 'enrol';
  return isRead && (access === 'read' || access === 'agent');
}

/** Takes the token from "Bearer <token>", or from "Basic <user:token>", which browsers ask people for.
 *  A browser sends Basic no matter which page makes the request, so it is accepted for reading only. */
function tokenOf(authorization: string | undefined, isRead: boolean): string | undefined {
  if (authorization === undefined) return undefined;
  const [scheme = '', value = ''] = authorization.split(' ', 2);
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic' || !isRead) return undefined;
  return Buffer.from(value, 'base64').toString('utf8').split(':').slice(1).join(':');
}

/** Compares in constant time. */
function areEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && crypto.timingSafeEqual(a, b);
}

function digest(token: string): Buffer {
  return crypto.hash('sha256', token, 'buffer');
}

function howToGetOne(access: Access): string {
  if (access === 'enrol') {
    return 'give the agent an enrolment token (dragonfly-server token create NAME --scope enrol)';
  }
  if (access === 'agent') return 'the agent gets one when it checks in with an enrolment token';
  const scope = access === 'public' ? 'read' : access;
  return `send "Authorization: Bearer …" (dragonfly-server token create NAME --scope ${scope})`;
}
