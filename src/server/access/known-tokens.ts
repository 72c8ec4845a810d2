// The tokens of operators and for enrolment that a server knows: those in the store, read again every few
// seconds, and the one in its configuration.
import type { Clock } from '../../core/clock.ts';
import type { Token } from '../../model/documents/token.ts';
import type { Store } from '../../store/store.ts';
import { areEqual, digest } from './digest.ts';
import type { Principal } from './principal.ts';
import { closeForGood, hashToken, hasTokens, isClosedForGood, listTokens } from './tokens.ts';

interface Known {
  readonly name: string;
  readonly isStored: boolean;
  readonly principal: Extract<Principal, { kind: 'token' }>;
  readonly hash: Buffer;
  readonly expiresMs: number;
}

/** The longest time to notice a token that another server created or revoked. */
const refreshMs = 5000;

export class KnownTokens {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #configured: string | undefined;
  #tokens = new Map<string, Known>();
  readonly #used = new Map<string, Date>();
  #hasTokens = false;
  /** The store has had a token. */
  #hadTokens = false;
  #refreshedMs = -Infinity;

  /** `configured`: an enrolment token in addition to those in the store. */
  constructor(store: Store, clock: Clock, configured: string | undefined) {
    this.#store = store;
    this.#clock = clock;
    this.#configured = configured;
  }

  /** True if there are tokens now. */
  get areAny(): boolean {
    return this.#hasTokens;
  }

  /** True if there are tokens, or once were. */
  get everWere(): boolean {
    return this.#hasTokens || this.#hadTokens;
  }

  /** True once they were read. */
  get areKnown(): boolean {
    return this.#refreshedMs !== -Infinity;
  }

  /** True if nobody can have changed the tokens unnoticed for long. */
  get areFresh(): boolean {
    return this.#clock.elapsedMs() - this.#refreshedMs < refreshMs;
  }

  /** The sender with this token; undefined if it is unknown or expired. */
  use(token: string): Principal | undefined {
    const sent = digest(token);
    const known = this.#tokens.get(sent.toString('hex'));
    return known !== undefined && areEqual(known.hash, sent) ? this.#use(known) : undefined;
  }

  /** The sender with a session of the token that has this SHA-256, in hex; undefined if the token is unknown or
   *  expired. */
  useSession(sha256: string, expires: Date): Principal | undefined {
    const known = this.#tokens.get(sha256);
    const found = known === undefined ? undefined : this.#use(known);
    return found && { ...found, expires, isSession: true };
  }

  /** True if the token that has this SHA-256, in hex, is known and has not expired. */
  isGood(sha256: string): boolean {
    const known = this.#tokens.get(sha256);
    return known !== undefined && known.expiresMs > this.#clock.now().getTime();
  }

  #use(known: Known): Known['principal'] | undefined {
    const now = this.#clock.now();
    if (known.expiresMs <= now.getTime()) return undefined;
    if (known.isStored) this.#used.set(known.name, now);
    return known.principal;
  }

  /** The stored tokens that end, and when, in milliseconds since 1970. */
  expiries(): ReadonlyMap<string, number> {
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

  /** Reads the tokens again at once, because this server changed them. */
  async reload(): Promise<void> {
    this.#refreshedMs = -Infinity;
    await this.refresh();
  }

  /** Reads the tokens again if that was some seconds ago. */
  async refresh(): Promise<void> {
    if (this.areFresh) return;
    const nowMs = this.#clock.elapsedMs();
    // Set before the read, so that requests meanwhile use the known tokens instead of reading too.
    const first = this.#refreshedMs === -Infinity;
    if (!first) this.#refreshedMs = nowMs;
    const stored = await listTokens(this.#store);
    // One that cannot be read lets nobody in, and keeps everybody out.
    const areStored = stored.length > 0 || (await hasTokens(this.#store));
    await this.#noteThatThereWere(areStored);
    // Agents have no tags before they register.
    const usable = stored.filter(({ scope, tags }) => scope !== 'enrol' || tags === undefined);
    const all = [...usable.map(storedToken), ...configuredToken(this.#configured)];
    this.#tokens = new Map(all.map((known) => [known.hash.toString('hex'), known]));
    this.#hasTokens = areStored || this.#configured !== undefined;
    this.#refreshedMs = nowMs;
  }

  async #noteThatThereWere(areStored: boolean): Promise<void> {
    this.#hadTokens ||= await isClosedForGood(this.#store);
    if (!areStored || this.#hadTokens) return;
    // Version 0.1.0 made them, which leaves no such mark.
    await closeForGood(this.#store, this.#clock);
    this.#hadTokens = true;
  }
}

function storedToken({ name, scope, tags, sha256, expires_at }: Token): Known {
  const expires = expires_at === null ? null : new Date(expires_at);
  const limit = tags === undefined ? {} : { tags };
  return {
    name,
    isStored: true,
    principal: { kind: 'token', name, scope, ...limit, sha256, expires, isSession: false },
    hash: Buffer.from(sha256, 'hex'),
    expiresMs: expires?.getTime() ?? Infinity,
  };
}

function configuredToken(token: string | undefined): Known[] {
  if (token === undefined) return [];
  const name = 'configuration';
  const sha256 = hashToken(token);
  const rest = { sha256, expires: null, isSession: false };
  const principal = { kind: 'token', name, scope: 'enrol', ...rest } as const;
  const hash = Buffer.from(sha256, 'hex');
  return [{ name, isStored: false, principal, hash, expiresMs: Infinity }];
}
