// The sessions of people who signed in on the page.
import type { SessionList, SessionsEnded } from '../../model/api/administration/sessions.ts';
import { pathOf, type CallOptions, type Calls } from '../calls.ts';

export class SessionCalls {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Those that have not ended: your own or, for who may do everything, all. */
  async list(options?: CallOptions): Promise<SessionList['sessions']> {
    return this.#calls.getList('api/sessions', 'sessions', options);
  }

  /** Errors: `session.unknown`, also for one of others, unless you may do everything. */
  async end(id: string, options?: CallOptions): Promise<void> {
    return this.#calls.delete(pathOf`api/sessions/${id}`, options);
  }

  /** Ends all of your own. Returns how many. */
  async endOwn(options?: CallOptions): Promise<number> {
    const call = { ...options, parts: [], fields: ['ended'] };
    return (await this.#calls.call<SessionsEnded>('DELETE', 'api/sessions', call)).value.ended;
  }
}
