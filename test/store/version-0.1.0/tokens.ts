// Tokens as a server of version 0.1.0 reads and writes them: settings under a prefix, and nothing else.
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Store } from '../../../src/store/store.ts';

const tokenPrefix = '~auth.token.';
const TokenRecord = Type.Object({
  name: Type.String(),
  scope: Type.Enum(['read', 'full', 'enrol']),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  created_at: Type.String(),
  expires_at: Type.Union([Type.String(), Type.Null()]),
});

export interface OldToken {
  readonly name: string;
  readonly scope: 'read' | 'full' | 'enrol';
  readonly sha256: string;
}

export class OldTokens {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** A server of this version lets everybody in when this is empty. */
  async list(): Promise<OldToken[]> {
    const tokens: OldToken[] = [];
    for await (const { value } of this.#store.settings.all(tokenPrefix)) {
      const record: unknown = JSON.parse(value.value);
      if (!Value.Check(TokenRecord, record)) continue;
      tokens.push({ name: record.name, scope: record.scope, sha256: record.sha256 });
    }
    return tokens;
  }

  async create({ name, scope, sha256 }: OldToken): Promise<void> {
    const record = {
      name,
      scope,
      sha256,
      created_at: '2026-03-04T05:06:07.000Z',
      expires_at: null,
    };
    const setting = { key: tokenPrefix + name, value: JSON.stringify(record) };
    await this.#store.settings.put(setting, 'absent');
  }

  revoke(name: string): Promise<boolean> {
    return this.#store.settings.delete(tokenPrefix + name);
  }
}
