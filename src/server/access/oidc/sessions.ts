// The sessions of people who signed in with the OpenID provider. They are in the store, by the SHA-256 of a secret that
// the browser alone has: so each server of the store knows them, and one that was ended is ended everywhere, which a
// sealed cookie would outlive.
import * as crypto from 'node:crypto';
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Clock } from '../../../core/clock.ts';
import { AppError, isAppError } from '../../../core/errors.ts';
import { privatePrefix } from '../../../store/collections/tokens.ts';
import type { Store } from '../../../store/store.ts';
import { areEqual, digest } from '../digest.ts';
import { SecretBox } from '../secrets.ts';
import { sharedKey } from '../shared-key.ts';
import type { Pending } from './provider.ts';
import type { Person } from './rules.ts';

const prefix = `${privatePrefix}session.`;
const form = /^([\w-]{43})\.([\w-]{43})$/;
/** Browsers keep no longer cookie. */
const sealedForm = /^[\w:-]{1,4096}$/;
/** The time that somebody may take to sign in. */
export const pendingSeconds = 600;

export interface Session {
  /** Names it in lists; nobody gets in with it. */
  readonly id: string;
  readonly person: Person;
  readonly expires: Date;
}

const Stored = Type.Object({
  secret_sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  person: Type.Object({ name: Type.String(), groups: Type.Array(Type.String()) }),
  expires_at: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T[0-9:.]+Z$' }),
  ended: Type.Boolean(),
});
type Stored = Static<typeof Stored>;
const stored = Compile(Stored);

export class Sessions {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Begins the session of a sign-in, once. Returns what the browser keeps of it. Errors: AppError `auth.denied` if the
   *  sign-in had one before; `store.*`. */
  async begin({ state }: Pending, person: Person, hours: number): Promise<string> {
    const id = digest(state).toString('base64url');
    const secret = crypto.randomBytes(32).toString('base64url');
    const session: Stored = {
      secret_sha256: digest(secret).toString('hex'),
      person: { ...person, groups: [...person.groups] },
      expires_at: new Date(this.#clock.now().getTime() + hours * 3_600_000).toISOString(),
      ended: false,
    };
    try {
      await this.#store.settings.put(
        { key: prefix + id, value: JSON.stringify(session) },
        'absent',
      );
    } catch (cause) {
      if (!isAppError(cause, 'store.conflict')) throw cause;
      throw new AppError('auth.denied', 'this sign-in was used before: sign in again', { cause });
    }
    return `${id}.${secret}`;
  }

  /** The session of a browser; undefined if there is none, or it has ended. Errors: `store.*`. */
  async find(cookie: string): Promise<Session | undefined> {
    const found = await this.#read(cookie);
    return found && sessionOf(keyOf(cookie), found);
  }

  /** Ends the session of a browser. What remains of it refuses to begin it anew. Errors: `store.*`. */
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

  /** Ends somebody's session. Errors: AppError `session.unknown`; `store.*`. */
  async endOf(id: string): Promise<void> {
    for await (const [key, found] of this.#open()) {
      if (idOf(key) !== id) continue;
      await this.#end(key, found);
      return;
    }
    throw new AppError('session.unknown', `there is no session ${id}, or it has ended`, {
      details: { id },
    });
  }

  /** Forgets sessions that are over, but not so soon that their sign-in could be used again, and those that cannot be
   *  read: with them nobody gets in. Errors: `store.*`. */
  async forgetOld(now: Date): Promise<void> {
    const before = new Date(now.getTime() - pendingSeconds * 1000).toISOString();
    for await (const { value } of this.#store.settings.all(prefix)) {
      const isKept = (parse(value.value)?.expires_at ?? '') >= before;
      if (!isKept) await this.#store.settings.delete(value.key);
    }
  }

  /** Seals a sign-in for the browser to keep. Any server of the store can open it. Errors: `store.*`. */
  async seal(pending: Pending, returnTo: string): Promise<string> {
    const text = JSON.stringify({ ...pending, returnTo, atMs: this.#clock.now().getTime() });
    return (await this.#box()).seal(text, 'sign-in');
  }

  /** undefined for what no server of the store sealed, or too long ago. Errors: `store.*`. */
  async open(sealed: string): Promise<(Pending & { readonly returnTo: string }) | undefined> {
    if (!sealedForm.test(sealed)) return undefined;
    try {
      const { atMs, ...pending } = JSON.parse((await this.#box()).open(sealed, 'sign-in'));
      const ageMs = this.#clock.now().getTime() - Number(atMs);
      return Math.abs(ageMs) < pendingSeconds * 1000 ? pending : undefined;
    } catch (err) {
      if (isAppError(err, 'secret.damaged') || isAppError(err, 'secret.no-key')) return undefined;
      throw err;
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

  async #box(): Promise<SecretBox> {
    return new SecretBox(await sharedKey(this.#store, 'session-key'));
  }
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

function sessionOf(key: string, { person, expires_at }: Stored): Session {
  return { id: idOf(key), person, expires: new Date(expires_at) };
}
