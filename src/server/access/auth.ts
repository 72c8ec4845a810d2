// Authenticates requests and checks them against the access that each route demands. A route that names
// none takes a read token to read and a full one for anything else (see guard.ts).
import type { Clock } from '../../core/clock.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import type { Store } from '../../store/store.ts';
import type { StoreHealth } from '../running/store-health.ts';
import { BootSecrets, isBootSecret } from './boot-secrets.ts';
import type { People } from './oidc/people.ts';
import { KnownTokens } from './known-tokens.ts';
import {
  allows,
  asTold,
  isForOperators,
  isOperator,
  type Access,
  type Principal,
} from './principal.ts';
import { Proofs } from './proofs.ts';
import { Sessions, type Session } from './sessions.ts';
import { machineOfToken, placeOfMachine } from './tokens.ts';

export interface AuthOptions {
  /** Demands tokens even if there never were any. */
  readonly required?: boolean | undefined;
  /** An enrolment token from the settings, in addition to those in the store. */
  readonly enrolmentToken?: string | undefined;
  /** Lets agents without a token, such as Dragonfly's own, register and do the work of their own machine. */
  readonly stockAgents?: boolean | undefined;
  /** Those who sign in with an OpenID provider. With it tokens are needed, or a sign-in. */
  readonly people?: People | undefined;
}

/** The evidence of a request's sender. */
export interface Credentials {
  readonly authorization: string | undefined;
  /** The cookie of a session; counts where there is no authorization. */
  readonly session?: string | undefined;
  readonly isRead: boolean;
  /** Where it came from. */
  readonly address: string;
}

export class Auth {
  readonly boots: BootSecrets;
  readonly sessions: Sessions;
  readonly #options: AuthOptions;
  readonly #tokens: KnownTokens;
  readonly #proofs: Proofs;
  readonly #health: StoreHealth;

  constructor(store: Store, clock: Clock, health: StoreHealth, options: AuthOptions = {}) {
    this.#options = options;
    this.#health = health;
    this.#tokens = new KnownTokens(store, clock, options.enrolmentToken);
    this.#proofs = new Proofs(store, clock);
    this.boots = new BootSecrets(store, clock);
    this.sessions = new Sessions(store, clock);
  }

  /** True if machines that boot from the network may enrol: with a secret for each boot, never with the
   *  enrolment token itself. */
  get enrolsBoots(): boolean {
    return this.#options.enrolmentToken !== undefined;
  }

  get people(): People | undefined {
    return this.#options.people;
  }

  /** True if tokens are needed. If not, everybody on loopback may do everything. Where the store does not answer soon, an
   *  agent, by `access`, is told what was so before, and so is who needs no token; while the store is away at once, since
   *  nobody may take this process for dead then. */
  async isConfigured(access?: Access): Promise<boolean> {
    if (access === 'public' && this.#health.isAway) void this.#refreshSoon().catch(() => {});
    else if (access === 'public' || (access === 'agent' && this.#tokens.areKnown))
      await this.#refreshSoon();
    else await this.#tokens.refresh();
    return this.#isClosed();
  }

  /** True if tokens are needed, but there are none: nobody gets in. */
  async isLocked(): Promise<boolean> {
    return (await this.isConfigured()) && !this.#tokens.areAny && this.people === undefined;
  }

  /** Returns the sender of an agent's request if it is known without asking the store, as for nearly every
   *  heartbeat. undefined: `admit` has to decide. `machineId`: the machine that it speaks for, if that is known. */
  admitAtOnce(
    authorization: string | undefined,
    access: Access,
    machineId?: string,
  ): Principal | undefined {
    if (isForOperators(access)) return undefined;
    // A server that is closed stays so.
    if (!this.#isClosed()) return this.#tokens.areFresh ? { kind: 'anyone' } : undefined;
    const token = tokenOf(authorization, false) ?? '';
    // No other token is known by it, whatever stands there.
    return this.#proofs.recall(machineId ?? token.slice(...placeOfMachine), token);
  }

  /** Returns the sender of a request if it is good enough for `access`. Errors: AppError `auth.required`,
   *  `auth.denied`, `auth.provider`. */
  async admit(access: Access, credentials: Credentials): Promise<Principal> {
    if (access === 'public' || !(await this.isConfigured(access))) return { kind: 'anyone' };
    const { isRead, address } = credentials;
    const token = tokenOf(credentials.authorization, isRead);
    if (token === undefined) {
      const known = await this.#bySession(credentials.session ?? '');
      if (known !== undefined) return this.#allowed(known, access, isRead);
      const forAgents = access === 'enrol' || access === 'agent';
      if (forAgents && this.#options.stockAgents === true)
        return { kind: 'stock', address: asTold(address) };
      throw new AppError('auth.required', `this needs a token: ${this.#howToGetOne(access)}`);
    }
    const principal = await this.#principalOf(token, access);
    if (principal === undefined) {
      throw new AppError(
        'auth.required',
        `the token is unknown, expired or revoked: ${this.#howToGetOne(access)}`,
      );
    }
    return this.#allowed(principal, access, isRead);
  }

  #allowed(principal: Principal, access: Access, isRead: boolean): Principal {
    if (allows(principal, access, isRead)) return principal;
    if (!isOperator(principal)) {
      const wanted =
        access === 'agent' ? "the machine's own token" : `one of scope ${scopeFor(access, isRead)}`;
      throw new AppError('auth.denied', `${reachOf(principal)}, and this takes ${wanted}`);
    }
    const { kind, name, scope } = principal;
    const who = kind === 'person' ? name : `the token ${name}`;
    throw new AppError(
      'auth.denied',
      `${who} is of scope ${scope}, and this takes ${scopeFor(access, isRead)}`,
    );
  }

  /** The sender with this cookie; undefined if it is that of no session, or of one whose token was revoked. Errors:
   *  `store.*`. */
  async #bySession(cookie: string): Promise<Principal | undefined> {
    const session = await this.sessions.find(cookie);
    if (session === undefined) return undefined;
    const { owner, expires } = session;
    return owner.token === undefined
      ? this.people?.ofSession(owner.person, expires)
      : this.#tokens.useSession(owner.token.sha256, expires);
  }

  /** The sessions that have not ended, without those whose token has. Errors: `store.*`. */
  async openSessions(): Promise<readonly Session[]> {
    const sessions = await this.sessions.list();
    await this.#tokens.refresh();
    return sessions.filter(
      ({ owner }) => owner.token === undefined || this.#tokens.isGood(owner.token.sha256),
    );
  }

  /** Reads the tokens again at once, because this server changed them. */
  reload(): Promise<void> {
    return this.#tokens.reload();
  }

  /** When each stored token ends that does, in milliseconds since 1970. */
  async expiries(): Promise<ReadonlyMap<string, number>> {
    await this.#tokens.refresh();
    return this.#tokens.expiries();
  }

  /** The tokens that were used since the last call, and when. */
  takeUsed(): ReadonlyMap<string, Date> {
    return this.#tokens.takeUsed();
  }

  /** Forgets a machine whose tokens changed, or that is gone. */
  forgetMachine(machineId: string): void {
    this.#proofs.forget(machineId);
  }

  async #principalOf(token: string, access: Access): Promise<Principal | undefined> {
    const machineId = machineOfToken(token);
    if (machineId !== undefined) {
      const known = this.#proofs.recall(machineId, token);
      return known ?? this.#machineOf(machineId, token, access);
    }
    if (!isBootSecret(token)) {
      const known = this.#tokens.use(token);
      return known ?? (isSigned(token) ? this.people?.byToken(token) : undefined);
    }
    const secret = this.enrolsBoots ? await this.boots.verify(token) : undefined;
    return secret && { kind: 'boot', secret };
  }

  /** An agent is who it was where the store does not answer soon. */
  async #machineOf(
    machineId: string,
    token: string,
    access: Access,
  ): Promise<Principal | undefined> {
    const known = access === 'agent' ? this.#proofs.last(machineId, token) : undefined;
    if (known === undefined) return this.#proofs.prove(machineId, token);
    try {
      return await this.#health.soon(() => this.#proofs.prove(machineId, token));
    } catch (err) {
      if (isAppError(err, 'store.unavailable')) return known;
      throw err;
    }
  }

  async #refreshSoon(): Promise<void> {
    if (this.#tokens.areFresh) return;
    try {
      await this.#health.soon(() => this.#tokens.refresh());
    } catch (err) {
      if (!isAppError(err, 'store.unavailable')) throw err;
    }
  }

  #isClosed(): boolean {
    return this.#options.required === true || this.people !== undefined || this.#tokens.everWere;
  }

  #howToGetOne(access: Access): string {
    if (this.people !== undefined) return `${howToGetOne(access)}, or sign in`;
    return this.#tokens.areAny
      ? howToGetOne(access)
      : 'there is none any more: stop the server and run "dragonfly-server token create NAME --scope full"';
  }
}

/** The reach of the credentials of a machine or a boot. */
function reachOf({ kind }: Exclude<Principal, { kind: 'token' | 'person' }>): string {
  return kind === 'machine'
    ? "a machine's token is good for the check-ins, heartbeats, logs and work of that machine alone"
    : "a boot script's secret is good for the check-ins of its boot alone";
}

/** Takes the token from "Bearer <token>", or from "Basic <user:token>", which browsers ask people for.
 *  A browser sends Basic no matter which page makes the request, so it is accepted for reading only. */
function tokenOf(authorization: string | undefined, isRead: boolean): string | undefined {
  if (authorization === undefined) return undefined;
  if (authorization.startsWith('Bearer ') && authorization.lastIndexOf(' ') === 6)
    return authorization.slice(7);
  const [scheme = '', value = ''] = authorization.split(' ', 2);
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic' || !isRead) return undefined;
  return Buffer.from(value, 'base64').toString('utf8').split(':').slice(1).join(':');
}

/** True for a token in the form of a JWT, which none of this server's own has. */
function isSigned(token: string): boolean {
  return token.split('.').length === 3;
}

/** The least scope that does. */
function scopeFor(access: Access, isRead: boolean): string {
  if (access === 'agent') return isRead ? 'read' : 'operate';
  return access === 'public' || access === 'self' ? 'read' : access;
}

function howToGetOne(access: Access): string {
  if (access === 'enrol') {
    return 'give the agent an enrolment token (dragonfly-server token create NAME --scope enrol)';
  }
  if (access === 'agent') return 'the agent gets one when it checks in with an enrolment token';
  return `send "Authorization: Bearer …" (dragonfly-server token create NAME --scope ${scopeFor(access, true)})`;
}
