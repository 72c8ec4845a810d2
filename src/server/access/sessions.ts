// The sessions of people who signed in on the page, with the OpenID provider or with a token. They are in the store, by the
// SHA-256 of a secret that the browser alone has: so each server of the store knows them, and one that was ended is
// ended everywhere, which a sealed cookie would outlive.
import * as crypto from 'node:crypto';
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Clock } from '../../core/clock.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import { sessionPrefix as prefix } from '../../store/collections/tokens.ts';
import type { Store } from '../../store/store.ts';
import { areEqual, digest } from './digest.ts';

const form = /^([\w-]{43})\.([\w-]{43})$/;
/** A session that has ended cannot begin anew for this long. */
const keptMs = 600_000;
/** The open sessions of one token; a further one ends that which would end first. */
const mostOfToken = 20;

const Person = Type.Object({
  name: Type.String(),
  groups: Type.Array(Type.String()),
  /** The provider that vouches for them: another one may know somebody else by this name. */
  issuer: Type.Optional(Type.String()),
});
const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
/** Its name alone would let a session go on with another token that later has the same one. */
const OwnToken = Type.Object({ name: Type.String(), sha256: Sha256 });

/** Those whom a session lets in: a person, as the OpenID provider named them, or the holder of a token. */
export type Owner =
  | { readonly person: Static<typeof Person>; readonly token?: never }
  | { readonly token: Static<typeof OwnToken>; readonly person?: never };

const Time = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T[0-9:.]+Z$' });
const common = {
  secret_sha256: Sha256,
  expires_at: Time,
  ended: Type.Boolean(),
  created_at: Type.Optional(Time),
  from: Type.Optional(Type.String()),
  browser: Type.Optional(Type.String()),
};
const Stored = Type.Union([
  Type.Object({ ...common, person: Person }),
  Type.Object({ ...common, token: OwnToken }),
]);
type Stored = Static<typeof Stored>;
const stored = Compile(Stored);

export interface Session {
  /** Names it in lists; nobody gets in with it. */
  readonly id: string;
  readonly owner: Owner;
  readonly expires: Date;
  readonly begun: Date | undefined;
  /** The address that it began at. */
  readonly from: string | undefined;
  /** The User-Agent of its browser. */
  readonly browser: string | undefined;
}

/** The place where somebody signs in. */
export interface Place {
  readonly from: string;
  readonly browser: string | undefined;
}

const nowhere: Place = { from: '', browser: undefined };
/** Units: characters. */
const longestBrowser = 300;

export class Sessions {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Begins the session of a sign-in with the provider, once: `state` is that of the sign-in. Returns what the browser
   *  keeps of it. Errors: AppError `auth.denied` if the sign-in had one before; `store.*`. */
  async beginOnce(
    state: string,
    person: { readonly name: string; readonly groups: readonly string[]; readonly issuer?: string },
    hours: number,
    place = nowhere,
  ): Promise<string> {
    const expires = new Date(this.#clock.now().getTime() + hours * 3_600_000);
    const owner = { person: { ...person, groups: [...person.groups] } };
    try {
      return await this.#begin(digest(state).toString('base64url'), owner, expires, place);
    } catch (cause) {
      if (!isAppError(cause, 'store.conflict')) throw cause;
      throw new AppError('auth.denied', 'this sign-in was used before: sign in again', { cause });
    }
  }

  /** Begins a session that lets in who holds a token, for as long as that is good. Returns what the browser keeps of it.
   *  Errors: `store.*`. */
  async beginOfToken(
    token: Static<typeof OwnToken>,
    expires: Date,
    place = nowhere,
  ): Promise<string> {
    const id = crypto.randomBytes(32).toString('base64url');
    const cookie = await this.#begin(id, { token }, expires, place);
    // Nothing ends before the new one is stored.
    await this.#endBeside(keyOf(cookie), { token });
    return cookie;
  }

  /** The session of a browser; undefined if there is none, or it has ended. Errors: `store.*`. */
  async find(cookie: string): Promise<Session | undefined> {
    const found = await this.#read(cookie);
    return found && sessionOf(keyOf(cookie), found);
  }

  /** Ends the session of a browser. What remains of that of a sign-in refuses to begin it anew. Errors: `store.*`. */
  async end(cookie: string): Promise<void> {
    const found = await this.#read(cookie);
    if (found === undefined) return;
    await this.#end(keyOf(cookie), found);
  }

  /** The sessions that have not ended. Those that cannot be read let nobody in. Errors: `store.*`. */
  async list(): Promise<readonly Session[]> {
    const sessions: Session[] = [];
    for await (const [key, found] of this.#open()) sessions.push(sessionOf(key, found));
    return sessions;
  }

  /** Ends a session, if `isMine` says of its owner that the sender may. Errors: AppError `session.unknown`; `store.*`. */
  async endOf(id: string, isMine: (owner: Owner) => boolean): Promise<void> {
    for await (const [key, found] of this.#open()) {
      if (idOf(key) !== id || !isMine(ownerOf(found))) continue;
      await this.#end(key, found);
      return;
    }
    throw new AppError('session.unknown', `there is no session ${id}, or it has ended`, {
      details: { id },
    });
  }

  /** Ends all sessions of an owner. Returns how many. Errors: `store.*`. */
  async endAll(isMine: (owner: Owner) => boolean): Promise<number> {
    let ended = 0;
    for await (const [key, found] of this.#open()) {
      if (!isMine(ownerOf(found))) continue;
      await this.#end(key, found);
      ended += 1;
    }
    return ended;
  }

  /** Forgets sessions that are over, but not so soon that their sign-in could be used again, and those that cannot be
   *  read: with them nobody gets in. Errors: `store.*`. */
  async forgetOld(now: Date): Promise<void> {
    const before = new Date(now.getTime() - keptMs).toISOString();
    for await (const { value } of this.#store.settings.all(prefix)) {
      const isKept = (parse(value.value)?.expires_at ?? '') >= before;
      if (!isKept) await this.#store.settings.delete(value.key);
    }
  }

  async #begin(id: string, owner: Owner, expires: Date, { from, browser }: Place): Promise<string> {
    const secret = crypto.randomBytes(32).toString('base64url');
    const session: Stored = {
      secret_sha256: digest(secret).toString('hex'),
      ...owner,
      expires_at: expires.toISOString(),
      ended: false,
      created_at: this.#clock.now().toISOString(),
      from,
      ...(browser === undefined ? {} : { browser: plain(browser) }),
    };
    await this.#store.settings.put({ key: prefix + id, value: JSON.stringify(session) }, 'absent');
    return `${id}.${secret}`;
  }

  /** Ends those of an owner, besides one, that are too many with it. */
  async #endBeside(kept: string, owner: Owner): Promise<void> {
    const others: (readonly [string, Stored])[] = [];
    for await (const one of this.#open()) {
      if (one[0] !== kept && isSame(ownerOf(one[1]), owner)) others.push(one);
    }
    others.sort(([, a], [, b]) => Date.parse(a.expires_at) - Date.parse(b.expires_at));
    for (const [key] of others.slice(0, Math.max(0, others.length - mostOfToken + 1))) {
      await this.#store.settings.delete(key);
    }
  }

  async #read(cookie: string): Promise<Stored | undefined> {
    const [, id = '', secret = ''] = form.exec(cookie) ?? [];
    if (id === '') return undefined;
    const found = await this.#store.settings.get(prefix + id).catch(passDamaged);
    const session = found && parse(found.value.value);
    if (session === undefined || this.#isOver(session)) return undefined;
    const isOwn = areEqual(Buffer.from(session.secret_sha256, 'hex'), digest(secret));
    return isOwn ? session : undefined;
  }

  /** With their keys. */
  async *#open(): AsyncGenerator<readonly [string, Stored]> {
    for await (const { value } of this.#store.settings.all(prefix)) {
      const session = parse(value.value);
      if (session !== undefined && !this.#isOver(session)) yield [value.key, session];
    }
  }

  async #end(key: string, session: Stored): Promise<void> {
    // Nothing begins that of a token anew, and kept until it is over those would fill the store.
    if ('token' in session) {
      await this.#store.settings.delete(key);
      return;
    }
    try {
      await this.#store.settings.put({ key, value: JSON.stringify({ ...session, ended: true }) });
    } catch (err) {
      // A removal needs no room, and its sign-in is good at the provider once.
      if (!isAppError(err, 'store.full')) throw err;
      await this.#store.settings.delete(key);
    }
  }

  #isOver({ ended, expires_at }: Stored): boolean {
    return ended || Date.parse(expires_at) <= this.#clock.now().getTime();
  }
}

/** True for one person, or one token. */
export function isSame(a: Owner, b: Owner): boolean {
  return a.token === undefined
    ? a.person.name === b.person?.name && a.person.issuer === b.person.issuer
    : a.token.sha256 === b.token?.sha256;
}

/** undefined for a record that is no session. */
function parse(text: string): Stored | undefined {
  try {
    const found: unknown = JSON.parse(text);
    return stored.Check(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** A damaged record is no session, and nobody gets in with it. */
function passDamaged(err: unknown): undefined {
  if (!isAppError(err, 'store.damaged')) throw err;
}

/** The key of the record of a session. */
function keyOf(cookie: string): string {
  return prefix + (form.exec(cookie)?.[1] ?? '');
}

/** The name of a session in lists and the audit log. */
function idOf(key: string): string {
  return digest(key).toString('hex').slice(0, 16);
}

/** The name of the session of a cookie. */
export function sessionId(cookie: string): string {
  return idOf(keyOf(cookie));
}

function ownerOf(found: Stored): Owner {
  return 'token' in found ? { token: found.token } : { person: found.person };
}

function sessionOf(key: string, found: Stored): Session {
  const { expires_at, created_at, from, browser } = found;
  return {
    id: idOf(key),
    owner: ownerOf(found),
    expires: new Date(expires_at),
    begun: created_at === undefined ? undefined : new Date(created_at),
    from: from === '' ? undefined : from,
    browser,
  };
}

/** Any text may come in a header: without what a list could not show. */
function plain(text: string): string {
  return text.replaceAll(/\p{C}/gu, '').slice(0, longestBrowser);
}
