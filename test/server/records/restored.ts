// Servers over stores into which a backup was restored.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { restore } from '../../../src/store/backup/restore.ts';
import { formatVersion } from '../../../src/store/format.ts';
import type { Kv } from '../../../src/store/kv/kv.ts';
import { openedWithKv } from '../../store/backends.ts';
import { startServer, temporaryDirectory, type TestServer } from '../harness.ts';

export interface Restored extends TestServer {
  readonly kv: Kv;
  /** The stored text of a machine. */
  text(id: string): Promise<string>;
}

/** A server over a store into which a backup with these machines was restored. */
export async function restored(...machines: readonly string[]): Promise<Restored> {
  const lines = machines.map((document) => `{"table":"machines","document":${document}}\n`);
  const body = [
    `${JSON.stringify({ format: 'dragonfly-backup', version: formatVersion })}\n`,
    ...lines,
  ].join('');
  const sha256 = createHash('sha256').update(body).digest('hex');
  const file = join(temporaryDirectory(), 'backup');
  writeFileSync(file, `${body}${JSON.stringify({ records: machines.length, sha256 })}\n`);
  const { store, kv } = await openedWithKv('memory:');
  expect(await restore(kv, file)).toBe(machines.length);
  const server = await startServer({ store });
  const text = async (id: string): Promise<string> => {
    const [entries] = await kv.read([{ key: `machines/${id}` }]);
    return entries?.[0]?.value ?? '';
  };
  return { ...server, kv, text };
}
