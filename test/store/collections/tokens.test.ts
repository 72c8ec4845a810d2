// Tokens with a server of version 0.1.0 beside this one, before it and after it.
import { describe, expect, it } from 'vitest';
import { hasTokens } from '../../../src/server/access/tokens.ts';
import { takeOverTokens } from '../../../src/store/collections/tokens.ts';
import { backends, openedWithKv, skipIfMissing } from '../backends.ts';
import { all, token } from './token-records.ts';

describe.each(backends)('the tokens of a store on $name', (backend) => {
  const { url } = backend;
  skipIfMissing(backend);

  it('come in pages', async () => {
    const { store } = await openedWithKv(await url());
    for (const name of ['a', 'b', 'c']) await store.tokens.put(token(name));
    const first = await store.tokens.list({ limit: 2 });
    expect(first.items.map(({ value }) => value.name)).toEqual(['a', 'b']);
    const last = await store.tokens.list({ limit: 2, cursor: first.nextCursor });
    expect([last.items.map(({ value }) => value.name), last.nextCursor]).toEqual([
      ['c'],
      undefined,
    ]);
  });
});

it('a token that says more than this version knows is one that nobody has', async () => {
  const { store } = await openedWithKv('memory:');
  const { sha256, ...said } = token('later');
  const value = { ...said, sha256: '0'.repeat(64), token: { ...said, sha256, scope: 'oversee' } };
  await store.settings.put({ key: '~auth.token.later', value: JSON.stringify(value) });
  expect((await all(store)).map((one) => [one.name, one.sha256])).toEqual([
    ['later', '0'.repeat(64)],
  ]);
});

it.each(['{', '{}', '"text"'])(
  'a token whose record is %s is named, and can be revoked',
  async (value) => {
    const { store, kv } = await openedWithKv('memory:');
    await store.settings.put({ key: '~auth.token.x', value });
    await takeOverTokens(kv);
    expect(await all(store)).toEqual([]);
    expect((await store.tokens.list()).damaged).toEqual([
      {
        record: 'settings/~007Eauth.token.x',
        error: expect.stringContaining('token revoke x'),
        aside: false,
      },
    ]);
    expect(await hasTokens(store)).toBe(true);
    expect(await store.tokens.delete('x')).toBe(true);
    expect(await all(store)).toEqual([]);
  },
);
