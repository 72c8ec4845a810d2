// The sessions of people who signed in with an OpenID provider.
import type { SessionList } from '../../model/api/administration/tokens.ts';
import { pathOf, type CallOptions, type Calls } from '../calls.ts';

export class SessionCalls {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Those that have not ended. */
  async list(options?: CallOptions): Promise<SessionList['sessions']> {
    return (await this.#calls.get<SessionList>('api/sessions', options)).sessions;
  }

  /** Ends a session, whoever's it is. Errors: `session.unknown`. */
  async end(id: string, options?: CallOptions): Promise<void> {
    return this.#calls.delete(pathOf`api/sessions/${id}`, options);
  }
}
