// The sessions of people who signed in with the OpenID provider. They are in the store, by the SHA-256 of a secret that
// the browser alone has: so each server of the store knows them, and one that was ended is ended everywhere, which a
// sealed cookie would outlive.
import * as crypto from 'node:crypto';
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
  readonly person: Person;
  readonly expires: Date;
}

interface Stored {
  readonly secret_sha256: string;
  readonly person: Person;
  readonly expires_at: string;
  readonly ended: boolean;
}

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
    const stored: Stored = {
      secret_sha256: digest(secret).toString('hex'),
      person,
      expires_at: new Date(this.#clock.now().getTime() + hours * 3_600_000).toISOString(),
      ended: false,
    };
    try {
      await this.#store.settings.put({ key: prefix + id, value: JSON.stringify(stored) }, 'absent');
    } catch (cause) {
      if (!isAppError(cause, 'store.conflict')) throw cause;
      throw new AppError('auth.denied', 'this sign-in was used before: sign in again', { cause });
    }
    return `${id}.${secret}`;
  }

  /** The session of a browser; undefined if there is none, or it has ended. Errors: `store.*`. */
  async find(cookie: string): Promise<Session | undefined> {
    const found = await this.#read(cookie);
    return found && { person: found.person, expires: new Date(found.expires_at) };
  }

  /** Ends the session of a browser. What remains of it refuses to begin it anew. Errors: `store.*`. */
  async end(cookie: string): Promise<void> {
    const found = await this.#read(cookie);
    if (found === undefined) return;
    const key = prefix + (form.exec(cookie)?.[1] ?? '');
    await this.#store.settings.put({ key, value: JSON.stringify({ ...found, ended: true }) });
  }

  /** Forgets sessions that are over, but not so soon that their sign-in could be used again. Errors: `store.*`. */
  async forgetOld(now: Date): Promise<void> {
    const before = new Date(now.getTime() - pendingSeconds * 1000).toISOString();
    for await (const { value } of this.#store.settings.all(prefix)) {
      if (parse(value.value).expires_at < before) await this.#store.settings.delete(value.key);
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
    const found = await this.#store.settings.get(prefix + id);
    if (found === undefined) return undefined;
    const stored = parse(found.value.value);
    const isOwn = areEqual(Buffer.from(stored.secret_sha256, 'hex'), digest(secret));
    const isOver = stored.ended || Date.parse(stored.expires_at) <= this.#clock.now().getTime();
    return isOwn && !isOver ? stored : undefined;
  }

  async #box(): Promise<SecretBox> {
    return new SecretBox(await sharedKey(this.#store, 'session-key'));
  }
}

/** Text that only `begin` and `end` wrote. */
function parse(text: string): Stored {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(text) as Stored;
}
