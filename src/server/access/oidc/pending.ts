// Sign-ins that have begun, sealed for the browser to keep while its user is at the provider: strangers cannot fill the
// store with them.
import type { Clock } from '../../../core/clock.ts';
import { isAppError } from '../../../core/errors.ts';
import type { Store } from '../../../store/store.ts';
import { SecretBox } from '../secrets.ts';
import { sharedKey } from '../shared-key.ts';
import type { Pending } from './provider.ts';

/** Browsers keep no longer cookie. */
const sealedForm = /^[\w:-]{1,4096}$/;
/** The time that somebody may take to sign in. */
export const pendingSeconds = 600;

export class PendingSignIns {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
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

  async #box(): Promise<SecretBox> {
    return new SecretBox(await sharedKey(this.#store, 'session-key'));
  }
}
