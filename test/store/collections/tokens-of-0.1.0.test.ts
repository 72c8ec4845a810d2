// Tokens that this version and 0.1.0 share on one store.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { isAppError } from '../../../src/core/errors.ts';
import { createToken, hashToken, hasTokens } from '../../../src/server/access/tokens.ts';
import type { Token } from '../../../src/model/documents/token.ts';
import { backUp } from '../../../src/store/backup/backup.ts';
import { restore } from '../../../src/store/backup/restore.ts';
import type { Kv } from '../../../src/store/kv/kv.ts';
import { openKv, openStore } from '../../../src/store/open.ts';
import { takeOverTokens } from '../../../src/store/collections/tokens.ts';
import { backends, openedWithKv, tables, temporaryDirectory } from '../backends.ts';
import { OldTokens } from '../version-0.1.0/tokens.ts';
import { all, token } from './token-records.ts';

/** A store that version 0.1.0 wrote: key and value of each entry. */
const entries = join(import.meta.dirname, '../version-0.1.0/entries.jsonl');

/** Its backup, by the same version. */
const backup = join(import.meta.dirname, '../version-0.1.0/backup.jsonl');

/** Its tokens. */
const texts = {
  grafana: 'dfo_0QUJKK1iOJYzKC7uzNNpC_PEjlXovDR6aQBex0rOP-Y',
  ops: 'dfo_jWwTiS3Pd74CYnsc1hmpujMRiW2VBn8_AeVTSOhBbYQ',
  'rack-1': 'dfe_ojBmgKp5uTh3neLkLbI73g6BF9HIPmDC02ug068lfzg',
};
const takenOver: Token[] = [
  {
    name: 'grafana',
    scope: 'read',
    sha256: hashToken(texts.grafana),
    created_at: '2026-03-04T05:06:07.000Z',
    expires_at: '2099-01-01T00:00:00.000Z',
  },
  {
    name: 'ops',
    scope: 'full',
    sha256: hashToken(texts.ops),
    created_at: '2026-03-04T05:06:07.000Z',
    expires_at: null,
  },
  {
    name: 'rack-1',
    scope: 'enrol',
    sha256: hashToken(texts['rack-1']),
    created_at: '2026-03-04T05:06:07.000Z',
    expires_at: null,
  },
];

async function write010(kv: Kv): Promise<void> {
  for (const line of readFileSync(entries, 'utf8').trimEnd().split('\n')) {
    // The lines of the fixture.
    await kv.commit([], [JSON.parse(line) as { key: string; value: string }]);
  }
}

/** The records under tokens/, which the next version reads alone. */
async function records(kv: Kv): Promise<Token[]> {
  const found: Token[] = [];
  for await (const piece of kv.scan('tokens/')) {
    // Only tokens are written there.
    found.push(...piece.map((entry) => JSON.parse(entry.value) as Token));
  }
  return found;
}

/** false for a conflict; any other failure fails the test. */
function succeeds(write: Promise<unknown>): Promise<boolean> {
  return write.then(
    () => true,
    (err: unknown) => {
      if (isAppError(err, 'store.conflict')) return false;
      throw err;
    },
  );
}

describe.each(backends)('the tokens of a store on $name', (backend) => {
  const { url } = backend;

  it('are those of version 0.1.0 when it is opened, and that version keeps them', async () => {
    const { store, kv } = await openedWithKv(await url());
    await write010(kv);
    const before = await tables(kv);
    const settings = await kv.read([{ prefix: 'settings/', limit: 100 }]);
    await takeOverTokens(kv);
    expect(await records(kv)).toEqual(takenOver);
    expect(await all(store)).toEqual(takenOver);
    expect((await store.tokens.get('ops'))?.value).toEqual(takenOver[1]);
    expect(await kv.read([{ prefix: 'settings/', limit: 100 }])).toEqual(settings);
    const added = (await tables(kv)).filter((key) => !before.includes(key));
    expect(added).toEqual(['tokens/grafana', 'tokens/ops', 'tokens/rack-1']);
    const once = await kv.read([{ prefix: 'tokens/', limit: 100 }]);
    await takeOverTokens(kv);
    expect(await kv.read([{ prefix: 'tokens/', limit: 100 }])).toEqual(once);
  });

  it('come back from a backup of version 0.1.0, with everything else', async () => {
    const { store, kv } = await openedWithKv(await url());
    expect(await restore(kv, backup)).toBe(11);
    await takeOverTokens(kv);
    expect(await all(store)).toEqual(takenOver);
    const machine = (await store.machines.byMac('02:00:00:00:00:01'))?.value;
    expect(machine?.config).toMatchObject({ hostname: 'db-1', tags: ['db', 'rack-1'] });
    const again = join(temporaryDirectory(), 'backup');
    await backUp(kv, again);
    // But for a workflow that was under way, which waits until an operator lets it go on, and the sum of it all.
    const held = ',"held":"restored from a backup"';
    const text = readFileSync(again, 'utf8');
    expect(text).toContain(held);
    const documents = (file: string): string[] =>
      file.replaceAll(held, '').trimEnd().split('\n').slice(0, -1);
    expect(documents(text)).toEqual(documents(readFileSync(backup, 'utf8')));
  });

  it('are created and revoked for both versions by either', async () => {
    const { store, kv } = await openedWithKv(await url());
    const old = new OldTokens(store);
    await store.tokens.put(token('here', { scope: 'read' }), 'absent');
    await old.create({ name: 'there', scope: 'enrol', sha256: hashToken('there') });
    expect(await old.list()).toEqual([
      { name: 'here', scope: 'read', sha256: token('here').sha256 },
      { name: 'there', scope: 'enrol', sha256: hashToken('there') },
    ]);
    expect((await all(store)).map(({ name, scope }) => [name, scope])).toEqual([
      ['here', 'read'],
      ['there', 'enrol'],
    ]);
    await expect(store.tokens.put(token('there'), 'absent')).rejects.toMatchObject({
      code: 'store.conflict',
    });
    expect(await old.revoke('here')).toBe(true);
    expect(await store.tokens.get('here')).toBeUndefined();
    expect(await store.tokens.delete('there')).toBe(true);
    expect([await old.list(), await all(store), await records(kv)]).toEqual([
      [],
      [],
      // Until the store is opened again.
      [token('here', { scope: 'read' })],
    ]);
    await takeOverTokens(kv);
    expect(await records(kv)).toEqual([]);
  });

  it('keep version 0.1.0 closed, and open nothing to it, where it cannot say what they allow', async () => {
    const { store, kv } = await openedWithKv(await url());
    const old = new OldTokens(store);
    const limited = token('rack', { tags: ['rack-1'], last_used: '2026-06-01T00:00:00.000Z' });
    await store.tokens.put(limited, 'absent');
    const [standIn, ...others] = await old.list();
    expect([standIn?.name, others]).toEqual(['rack', []]);
    expect(standIn?.sha256).not.toBe(limited.sha256);
    await takeOverTokens(kv);
    expect([await all(store), await records(kv)]).toEqual([[limited], [limited]]);
    await expect(
      old.create({ name: 'rack', scope: 'full', sha256: limited.sha256 }),
    ).rejects.toMatchObject({ code: 'store.conflict' });
    const found = await store.tokens.get('rack');
    const unlimited = token('rack', { sha256: limited.sha256 });
    await store.tokens.put(unlimited, { revision: found?.revision ?? '' });
    expect(await old.list()).toEqual([{ name: 'rack', scope: 'full', sha256: limited.sha256 }]);
    await store.tokens.put(limited);
    expect(await old.revoke('rack')).toBe(true);
    expect(await all(store)).toEqual([]);
  });

  it('keep version 0.1.0 closed when the last one is revoked, and that version cannot be told otherwise', async () => {
    const { store, kv } = await openedWithKv(await url());
    await createToken(store, systemClock, { name: 'ops', scope: 'full', expiresAt: null });
    await store.tokens.delete('ops');
    expect([await all(store), await records(kv)]).toEqual([[], []]);
    expect(await new OldTokens(store).list()).toEqual([
      { name: '~closed', scope: 'read', sha256: '0'.repeat(64) },
    ]);
    await takeOverTokens(kv);
    expect(await records(kv)).toEqual([]);
    expect(await hasTokens(store)).toBe(false);
  });

  it('are in its backup in a form that version 0.1.0 restores', async () => {
    const { store, kv } = await openedWithKv('memory:');
    const limited = token('rack', { tags: ['rack-1'] });
    await store.tokens.put(limited);
    await store.tokens.put(token('ops'));
    const file = join(temporaryDirectory(), 'backup');
    expect(await backUp(kv, file)).toBe(2);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(1, -1);
    expect(lines.map((line) => JSON.parse(line).table)).toEqual(['settings', 'settings']);
    const other = await openedWithKv(await url());
    await restore(other.kv, file);
    await takeOverTokens(other.kv);
    expect(await all(other.store)).toEqual([token('ops'), limited]);
    expect(await records(other.kv)).toEqual([token('ops'), limited]);
  });

  it('are the same for both versions after any sequence of what they do', async () => {
    const step = fc.record({
      by: fc.constantFrom('create', 'create limited', 'delete', 'old create', 'old revoke', 'open'),
      name: fc.constantFrom('a', 'b', 'b.c', 'B'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { store, kv } = await openedWithKv(await url());
        const old = new OldTokens(store);
        const model = new Map<string, string>();
        for (const [i, { by, name }] of steps.entries()) {
          const sha256 = hashToken(String(i));
          const isNew = !model.has(name);
          if (by.includes('create') && isNew) model.set(name, sha256);
          const acts: Record<typeof by, () => Promise<unknown>> = {
            create: () => store.tokens.put(token(name, { sha256 }), 'absent'),
            'create limited': () =>
              store.tokens.put(token(name, { sha256, tags: ['x'] }), 'absent'),
            'old create': () => old.create({ name, sha256, scope: 'read' }),
            delete: async () => expect(await store.tokens.delete(name)).toBe(model.delete(name)),
            'old revoke': async () => expect(await old.revoke(name)).toBe(model.delete(name)),
            open: () => takeOverTokens(kv),
          };
          expect(await succeeds(acts[by]())).toBe(isNew || !by.includes('create'));
          const here = await all(store);
          expect(new Map(here.map((one) => [one.name, one.sha256]))).toEqual(model);
          const there = await old.list();
          expect(there.map((one) => one.name)).toEqual(here.map((one) => one.name));
          const fits = there.map((one, n) => one.sha256 === here[n]?.sha256);
          expect(fits).toEqual(here.map((one) => one.tags === undefined));
        }
        await takeOverTokens(kv);
        expect(await records(kv)).toEqual(await all(store));
        await store.close();
      }),
      { numRuns: backend.runs },
    );
  });
});

it('a store of version 0.1.0 has its tokens taken over by being opened', async () => {
  const url = `lmdb:${temporaryDirectory()}`;
  const before = await openKv(url);
  await write010(before);
  await before.close();
  await (await openStore(url)).close();
  const after = await openKv(url);
  expect(await records(after)).toEqual(takenOver);
  await after.close();
});
