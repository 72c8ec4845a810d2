// The documents of Dragonfly's own store, one to a line as a query of it prints them, restored here.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { restore } from '../../../src/store/backup/restore.ts';
import { checkStore } from '../../../src/store/check.ts';
import { openedWithKv } from '../../store/backends.ts';
import { checkin, startServer, temporaryDirectory } from '../harness.ts';
import { full, ids, minimal, template, workflow } from './documents.ts';

const ended = '01900000-0000-7000-8000-0000000000a1';
const waiting = '01900000-0000-7000-8000-0000000000a2';

function fileOf(text: string): string {
  const file = join(temporaryDirectory(), 'documents');
  writeFileSync(file, text);
  return file;
}

/** The rows of a database with Dragonfly's tables, in the order of the query in docs/dragonfly.md. */
function queried(tables: Readonly<Record<string, readonly string[]>>): string {
  const database = new DatabaseSync(':memory:');
  const rows = Object.entries(tables).flatMap(([table, documents]) => {
    database.exec(`CREATE TABLE ${table} (id INTEGER PRIMARY KEY, data TEXT NOT NULL)`);
    const insert = database.prepare(`INSERT INTO ${table} (data) VALUES (?)`);
    for (const document of documents) insert.run(document);
    return database.prepare(`SELECT data FROM ${table}`).all();
  });
  database.close();
  return rows.map(({ data }) => `${String(data)}\n`).join('');
}

it('machines, templates and workflows are as they were there, and what was under way is held', async () => {
  const machine = minimal.replaceAll('02:00:00:00:00:03', checkin(7).mac);
  const text = queried({
    machines: [full, machine],
    templates: [template],
    workflows: [workflow(ended, 'STATE_SUCCESS'), workflow(waiting, 'STATE_PENDING')],
  });
  const { store, kv } = await openedWithKv('memory:');
  expect(await restore(kv, fileOf(text), { from: 'dragonfly' })).toBe(5);
  const [entries] = await kv.read([{ key: `machines/${ids.full}` }]);
  expect(entries?.[0]?.value).toBe(full);
  let findings = 0;
  await checkStore(kv, undefined, () => (findings += 1));
  expect(findings).toBe(0);
  const server = await startServer({ store });
  expect((await server.call('GET', '/api/templates/debian-13')).body).toEqual(JSON.parse(template));
  const { body } = await server.call('GET', '/api/workflows');
  expect(body.workflows).toMatchObject([
    { metadata: { name: ended } },
    { held: expect.any(String) },
  ]);
  const answer = await server.call('POST', '/api/agent/checkin', { body: checkin(7) });
  expect(answer.body).toMatchObject({ machine_id: ids.minimal, is_new: false });
});

it('a file that was interrupted is restored with the same file, and lines without a document are none', async () => {
  const { kv } = await openedWithKv('memory:');
  const file = fileOf(`\n${minimal}\r\n\n${template}`);
  expect(await restore(kv, file, { from: 'dragonfly' })).toBe(2);
  await expect(restore(kv, file, { from: 'dragonfly' })).rejects.toMatchObject({
    code: 'store.not-empty',
  });
});

it.each([
  ['', 'holds no documents'],
  [`${minimal}\n{"key":"default_os","value":"x"}\n`, 'line 2 of'],
  [`${minimal}\n${minimal.slice(0, -9)}\n`, 'line 2 of'],
  [`[${minimal}]\n`, 'line 1 of'],
  [
    `${minimal}\n${template}\n${minimal.replaceAll('02:00:00:00:00:03', '02:00:00:00:00:04')}\n`,
    'a second time',
  ],
  [`${minimal}\n${minimal.replace(/"status":\{.*?\},/, '')}\n`, 'record of machines in line 2 of'],
])('a file with %j is refused before anything is written', async (text, message) => {
  const { kv } = await openedWithKv('memory:');
  await expect(restore(kv, fileOf(text), { from: 'dragonfly' })).rejects.toMatchObject({
    code: 'backup.damaged',
    message: expect.stringContaining(message),
  });
  expect((await kv.read([{ prefix: '', limit: 1 }]))[0]).toEqual([]);
});
