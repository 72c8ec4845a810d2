// Tokens in a store, as this version and 0.1.0 have them.
import { hashToken } from '../../../src/server/access/tokens.ts';
import type { Token } from '../../../src/model/documents/token.ts';
import type { Store } from '../../../src/store/store.ts';

export async function all(store: Store): Promise<Token[]> {
  const tokens: Token[] = [];
  for await (const { value } of store.tokens.all()) tokens.push(value);
  return tokens;
}

export function token(name: string, more: Partial<Token> = {}): Token {
  return {
    name,
    scope: 'full',
    sha256: hashToken(`the text of ${name}`),
    created_at: '2026-05-06T07:08:09.000Z',
    expires_at: null,
    ...more,
  };
}
