// The people who sign in with an OpenID provider: on the page with a session, in scripts with a token of the provider.
import type { Clock } from '../../../core/clock.ts';
import { AppError, describeError } from '../../../core/errors.ts';
import type { Log } from '../../../core/log.ts';
import type { Store } from '../../../store/store.ts';
import type { Principal } from '../principal.ts';
import { Provider, type OidcOptions } from './provider.ts';
import { ruleFor, type Person } from './rules.ts';
import { Sessions, type Place } from '../sessions.ts';
import { PendingSignIns } from './pending.ts';

/** While the provider is away it is asked again this often, for the log. */
const reachMs = 30_000;

export class People {
  readonly provider: Provider;
  readonly signIns: PendingSignIns;
  readonly #sessions: Sessions;

  constructor(options: OidcOptions, store: Store, clock: Clock) {
    this.provider = new Provider(options, clock);
    this.signIns = new PendingSignIns(store, clock);
    this.#sessions = new Sessions(store, clock);
  }

  /** The sender of a token that the provider signed. Errors: AppError `auth.required`, `auth.denied` for a person whom
   *  no rule lets in, `auth.provider`. */
  async byToken(token: string): Promise<Principal> {
    const { person, expires } = await this.provider.personOf(token);
    return this.#principal(person, expires, false);
  }

  /** The person of a session; undefined if no rule lets them in any more, or another provider vouched for them. */
  ofSession(person: Person & { readonly issuer?: string }, expires: Date): Principal | undefined {
    const { issuer, options } = this.provider;
    if (person.issuer !== issuer || ruleFor(person.groups, options.rules) === undefined)
      return undefined;
    return this.#principal(person, expires, true);
  }

  /** Signs the person in whom the provider sent back to `callback`, if it is good for what the browser kept. Errors:
   *  AppError `auth.required` if that is nothing or too old, `auth.denied`, `auth.provider`; `store.*`. */
  async signIn(callback: URL, kept: string, place: Place) {
    const pending = await this.signIns.open(kept);
    if (pending === undefined) {
      throw new AppError('auth.required', 'the sign-in took too long, or began in another browser');
    }
    const person = await this.provider.finish(callback, pending);
    const { issuer, options } = this.provider;
    // Before it: whom no rule lets in has no session.
    const by = this.#principal(person, new Date(0), true);
    const owner = { ...person, issuer };
    const cookie = await this.#sessions.beginOnce(
      pending.state,
      owner,
      options.sessionHours,
      place,
    );
    return { by, cookie, returnTo: pending.returnTo };
  }

  /** Says in the log if the provider is away, and when it is there. */
  async watch(clock: Clock, log: Log, signal: AbortSignal): Promise<void> {
    const { issuer } = this.provider.options;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        await this.provider.reach();
        log.info({ issuer }, 'the OpenID provider can be reached');
        return;
      } catch (err) {
        if (attempt === 1) {
          const error = describeError(err);
          log.error({ issuer, error }, 'nobody can sign in with it; tokens and sessions go on');
        }
      }
      await clock.sleep(reachMs, signal).catch(() => {});
    }
  }

  #principal(person: Person, expires: Date, isSession: boolean): Principal {
    const { issuer, rules } = this.provider.options;
    const rule = ruleFor(person.groups, rules);
    if (rule === undefined) {
      throw new AppError(
        'auth.denied',
        `${person.name} of ${issuer} is in no group that has access here (see --oidc-access)`,
      );
    }
    const { scope, tags } = rule;
    const limit = tags === undefined ? {} : { tags };
    const { name } = person;
    return {
      kind: 'person',
      name,
      issuer: this.provider.issuer,
      scope,
      ...limit,
      expires,
      isSession,
    };
  }
}
