// Tokens of operators and for enrolment.
import type {
  Myself,
  NewTokenRequest,
  TokenCreated,
  TokenList,
} from '../../model/api/administration/tokens.ts';
import { pathOf, type CallOptions, type Calls } from '../calls.ts';

export class TokenCalls {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** All tokens, without their secrets. */
  async list(options?: CallOptions): Promise<TokenList['tokens']> {
    return this.#calls.getList('api/tokens', 'tokens', options);
  }

  /** The token that this client has, and what it may do. */
  async myself(options?: CallOptions): Promise<Myself> {
    return this.#calls.get<Myself>('api/whoami', { ...options, fields: ['name', 'scope'] });
  }

  /** Creates a token. Only this answer has its text. Errors: `token.exists`, `request.invalid`. */
  async create(request: NewTokenRequest, options?: CallOptions): Promise<TokenCreated> {
    return this.#calls.post('api/tokens', request, { ...options, fields: ['token'] });
  }

  /** Errors: `token.unknown`. */
  async revoke(name: string, options?: CallOptions): Promise<void> {
    return this.#calls.delete(pathOf`api/tokens/${name}`, options);
  }
}
