import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backUp } from '../../../src/store/backup/backup.ts';
import { restore, type Unread } from '../../../src/store/backup/restore.ts';
import { checkStore } from '../../../src/store/check.ts';
import { MemoryKv } from '../../../src/store/memory.ts';
import type { Kv, KvEntry } from '../../../src/store/kv/kv.ts';
import { AppError } from '../../../src/core/errors.ts';
import { storeOver } from '../../../src/store/kv-store.ts';
import { openKv, openStore } from '../../../src/store/open.ts';
import { backends, openedWithKv, skipIfMissing, tables, temporaryDirectory } from '../backends.ts';
import { id, machine, template, workflow } from '../documents.ts';

/** A store with a record of every kind, and the file of its backup. */
async function backedUp(): Promise<{ file: string; keys: string[]; text: string }> {
  const { store, kv } = await openedWithKv('memory:');
  const one = machine(1);
  one.config.tags = ['a/b'];
  // Ends of lines elsewhere, and none in JSON.
  one.config.hostname = 'a\u2028b\u2029c\u0085d\re';
  await store.machines.put(one, 'absent', {
    changes: [{ at: '2026-01-02T03:04:05Z', what: 'disk', before: 'a', after: null }],
    conflict: {
      id: id(9),
      machine_id: id(1),
      reason: 'ambiguous',
      candidates: [],
      created_at: '2026-01-02T03:04:05Z',
      resolution: null,
    },
  });
  // From a later version, and written by another program: with spaces and lines.
  const text = JSON.stringify({ ...machine(2), u: 0 }).replace('"u":0', '"u":18446744073709551615');
  await kv.commit([], [{ key: `machines/${id(2)}`, value: text.replaceAll(',"', ',\n  "') }]);
  await checkStore(kv, new Date(), () => {});
  await store.templates.put(template('debian\n'));
  // One that is active would be held: see test/server/machines/workflows/restored.test.ts.
  await store.workflows.put({ ...workflow(1, id(1)), status: { state: 'STATE_SUCCESS' } });
  await store.settings.put({ key: 'a.b', value: 'ä'.repeat(300_000) });
  const file = join(temporaryDirectory(), 'backup');
  expect(await backUp(kv, file)).toBe(7);
  return { file, keys: await tables(kv), text };
}

describe.each(backends)('a backup restored into $name', (backend) => {
  skipIfMissing(backend);

  it('gives the same records and the same indexes', async () => {
    const { file, keys, text } = await backedUp();
    const { kv } = await openedWithKv(await backend.url());
    expect(await restore(kv, file)).toBe(7);
    expect(await tables(kv)).toEqual(keys);
    const [entries] = await kv.read([{ key: `machines/${id(2)}` }]);
    expect(entries?.[0]?.value).toBe(text);
    const again = `${file}.again`;
    await backUp(kv, again);
    expect(readFileSync(again, 'utf8')).toBe(readFileSync(file, 'utf8'));
  });

  it('of a store that no server has used, or that is restored meanwhile, fails and leaves no file', async () => {
    const url = await backend.url();
    const { kv, store } = await openedWithKv(url);
    const file = join(temporaryDirectory(), 'new');
    const failure = (during: Kv): Promise<unknown> =>
      backUp(during, file).then(
        (count) => count,
        (err: unknown) => String(Object(err).message),
      );
    expect(await failure(kv)).toBe(0);
    expect(await failure(new MemoryKv())).toContain(
      'there is nothing to back up: no server has used',
    );
    const { file: whole } = await backedUp();
    const during = (work: () => Promise<unknown>): Kv => ({
      read: (reads) => kv.read(reads),
      commit: (...args) => kv.commit(...args),
      watch: (...args) => kv.watch(...args),
      close: () => kv.close(),
      scan: (prefix) => kv.scan(prefix),
      async *scanAll(...args) {
        await work();
        yield* kv.scanAll?.(...args) ?? [];
      },
    });
    expect(await failure(during(() => restore(kv, whole)))).toContain('restored while it was');
    expect(await failure(kv)).toBe(7);
    const unmarked = { key: 'meta/format', value: undefined };
    const emptied = during(() => kv.commit([], [unmarked]));
    expect(await failure(emptied)).toContain('emptied or restored while it was backed up');
    await kv.commit([], [{ key: 'meta/restoring', value: 'x' }]);
    await expect(store.backup().next()).rejects.toThrow('is being restored into this store');
    expect(existsSync(`${file}.partial`)).toBe(false);
  });

  it('is refused where there are records already', async () => {
    const { file } = await backedUp();
    const { kv, store } = await openedWithKv(await backend.url());
    await store.settings.put({ key: 'a', value: 'b' });
    await expect(restore(kv, file)).rejects.toMatchObject({ code: 'store.not-empty' });
    expect(await tables(kv)).toEqual(['settings/a']);
  });
});

describe('a backup', () => {
  it('holds no session, and none of one by an earlier version is restored', async () => {
    const { store, kv } = await openedWithKv('memory:');
    await store.settings.put({ key: 'a', value: '1' });
    await store.settings.put({ key: '~auth.session.x', value: '{}' });
    const file = join(temporaryDirectory(), 'backup');
    expect(await backUp(kv, file)).toBe(1);
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -2);
    const session = { table: 'settings', document: { key: '~auth.session.x', value: '{}' } };
    const all = `${[...lines, JSON.stringify(session)].join('\n')}\n`;
    const sha256 = createHash('sha256').update(all).digest('hex');
    writeFileSync(file, `${all}${JSON.stringify({ records: 2, sha256 })}\n`);
    const { kv: other } = await openedWithKv('memory:');
    expect(await restore(other, file)).toBe(1);
    expect(await tables(other)).toEqual(['settings/a']);
  });

  it('that is cut short, changed or longer is refused before anything is written', async () => {
    const { file } = await backedUp();
    const whole = readFileSync(file, 'utf8');
    const lines = whole.split('\n');
    const broken = [
      '',
      'no backup\n',
      whole.slice(0, -2),
      lines.slice(0, -3).join('\n'),
      whole.replace('a/b', 'a/c'),
      lines.toSpliced(2, 1).join('\n'),
      whole.replace('"table":"machines"', '"table":"elsewhere"'),
    ];
    for (const text of broken) {
      writeFileSync(file, text);
      const { kv } = await openedWithKv('memory:');
      await expect(restore(kv, file)).rejects.toMatchObject({ code: 'backup.damaged' });
      expect(await tables(kv)).toEqual([]);
    }
    writeFileSync(file, whole);
    appendFileSync(file, '{}\n');
    const { kv } = await openedWithKv('memory:');
    await expect(restore(kv, file)).rejects.toMatchObject({ code: 'backup.damaged' });
  });

  it('that has no end of a line is refused before it fills the memory', async () => {
    const { kv } = await openedWithKv('memory:');
    await expect(restore(kv, '/dev/zero')).rejects.toMatchObject({
      code: 'backup.damaged',
      message: '/dev/zero is not a backup: it has a line without an end',
    });
  });

  it('of a newer version is refused', async () => {
    const { file } = await backedUp();
    writeFileSync(file, readFileSync(file, 'utf8').replace('"version":1', '"version":2'));
    const { kv } = await openedWithKv('memory:');
    await expect(restore(kv, file)).rejects.toMatchObject({ code: 'store.incompatible' });
  });

  it('with a record that no list could read is refused with its line and field', async () => {
    const { file } = await backedUp();
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -2);
    const at = lines.findIndex((line) => line.startsWith('{"table":"machines"'));
    const { table, document } = JSON.parse(lines[at] ?? '');
    delete document.config.memorable_name;
    const body = lines.with(at, JSON.stringify({ table, document })).join('\n') + '\n';
    const sha256 = createHash('sha256').update(body).digest('hex');
    writeFileSync(file, `${body}${JSON.stringify({ records: 7, sha256 })}\n`);
    const { kv } = await openedWithKv('memory:');
    await expect(restore(kv, file)).rejects.toMatchObject({
      code: 'backup.damaged',
      message: expect.stringMatching(
        `machines in line ${at + 1} of .*: config(?:/memorable_name)? is missing or of another type.*--skip-damaged`,
      ),
    });
    expect(await tables(kv)).toEqual([]);
    const unread: Unread[] = [];
    const onUnread = (one: Unread): void => void unread.push(one);
    const { kv: other, store } = await openedWithKv('memory:');
    expect(await restore(other, file, { skipDamaged: new Date(), onUnread })).toBe(6);
    const record = `machines/${document.id}`;
    expect(unread).toEqual([
      { line: at + 1, record, error: expect.stringContaining('is missing or of another type') },
    ]);
    expect(await store.damage.get(record)).toMatchObject({
      aside: true,
      value: JSON.stringify(document),
    });
    expect((await tables(other)).filter((key) => key.startsWith('machines/'))).toHaveLength(1);
    writeFileSync(file, `${body}${JSON.stringify({ records: 7, sha256: 'a' })}\n`);
    const { kv: none } = await openedWithKv('memory:');
    await expect(restore(none, file, { skipDamaged: new Date() })).rejects.toMatchObject({
      code: 'backup.damaged',
    });
  });

  it('with a token that cannot be read leaves the store closed, and a line of no known kind out', async () => {
    const file = join(temporaryDirectory(), 'backup');
    const lines = [
      { format: 'dragonfly-backup', version: 1 },
      { table: 'settings', document: { key: '~auth.token.ops', value: 7 } },
      { table: 'planets', document: { name: 'mars' } },
    ];
    const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    const sha256 = createHash('sha256').update(body).digest('hex');
    writeFileSync(file, `${body}${JSON.stringify({ records: 2, sha256 })}\n`);
    const { kv, store } = await openedWithKv('memory:');
    const unread: Unread[] = [];
    const onUnread = (one: Unread): void => void unread.push(one);
    expect(await restore(kv, file, { skipDamaged: new Date(), onUnread })).toBe(0);
    expect(unread.map(({ line, record }) => [line, record])).toEqual([
      [2, expect.stringContaining('settings/')],
      [3, undefined],
    ]);
    expect(await store.settings.get('~auth.token.~closed')).toBeDefined();
  });

  it('that cannot be finished leaves no file, and what was there before stays', async () => {
    const { file } = await backedUp();
    const kv = new (class extends MemoryKv {
      override async *scanAll(): AsyncGenerator<readonly KvEntry[]> {
        yield [{ key: 'machines/x', value: '{}', revision: 1 }];
        throw new AppError('store.unavailable', 'the store went away');
      }
    })();
    const before = readFileSync(file, 'utf8');
    await expect(backUp(kv, file)).rejects.toMatchObject({ code: 'store.unavailable' });
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(existsSync(`${file}.partial`)).toBe(false);
    await expect(backUp(kv, '/no/such/directory/file')).rejects.toMatchObject({
      code: 'backup.failed',
    });
  });

  it('goes on without a record that cannot be read, and names it', async () => {
    const { kv } = await openedWithKv('memory:');
    await storeOver(kv).machines.put(machine(1));
    await kv.commit([], [{ key: 'machines/x', value: '{"id":' }]);
    const file = join(temporaryDirectory(), 'backup');
    const damaged: string[] = [];
    expect(await backUp(kv, file, { onDamaged: ({ record }) => damaged.push(record) })).toBe(1);
    expect(damaged).toEqual(['machines/x']);
    const other = await openedWithKv('memory:');
    expect(await restore(other.kv, file)).toBe(1);
    expect((await other.store.machines.get(id(1)))?.value).toEqual(machine(1));
  });

  it('is taken while the server that has the directory goes on writing', async () => {
    const url = `lmdb:${temporaryDirectory()}`;
    const { store } = await openedWithKv(url);
    await store.settings.put({ key: 'a', value: '1' });
    const reader = await openKv(url, { readOnly: true });
    await store.settings.put({ key: 'b', value: '2' });
    const file = join(temporaryDirectory(), 'backup');
    expect(await backUp(reader, file)).toBe(2);
    await expect(reader.commit([], [{ key: 'a', value: 'b' }])).rejects.toMatchObject({
      code: 'store.unavailable',
    });
    await reader.close();
  });

  it('whose restore was interrupted is restored with the same file, and not opened before', async () => {
    const { file, keys } = await backedUp();
    const url = `lmdb:${temporaryDirectory()}`;
    const first = await openKv(url);
    await restore(first, file);
    const body = readFileSync(file, 'utf8').split('\n').slice(0, -2).join('\n');
    const sha256 = createHash('sha256').update(`${body}\n`).digest('hex');
    await first.commit([], [{ key: 'meta/restoring', value: sha256 }]);
    await first.close();
    await expect(openStore(url)).rejects.toMatchObject({ code: 'store.damaged' });
    const again = await openKv(url, { partlyRestored: true });
    await restore(again, file);
    expect(await tables(again)).toEqual(keys);
    await again.close();
    await (await openStore(url)).close();
  });
});
