// A server with hundreds of records of the largest size and little memory: no route takes more than 64 MB of it.
import { expect, it, onTestFinished } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import { temporaryDirectory } from '../../store/backends.ts';
import { id, machine, template, workflow } from '../../store/documents.ts';
import { ServerProcess } from '../../store/server-process.ts';

const records = 720;
const recordBytes = 64 * 1024;
/** The server itself takes about 60 MB, and one request may take 64 MB. */
const heapMebibytes = 128;

async function filled(url: string): Promise<void> {
  const store = await openStore(url);
  await store.templates.put(template('restart'));
  const puts = Array.from({ length: records }, async (_, n) => {
    const one = machine(n, { primary_mac: `02:00:00:00:${n >> 8}:${n & 255}` });
    one.config.tags = ['rack'];
    for (let disk = 0; JSON.stringify(one).length < recordBytes; disk += 1) {
      const serial = `${n}-${disk}-${'s'.repeat(400)}`;
      one.hardware.disks.push({ device: `/dev/sd${disk}`, size_bytes: 1, model: null, serial });
    }
    await store.machines.put(one);
    const work = workflow(n, id(n));
    await store.workflows.put({
      ...work,
      spec: { ...work.spec, templateRef: 'x'.repeat(recordBytes) },
    });
  });
  await Promise.all(puts);
  await store.close();
}

it(
  `answers every route from ${records} records of the largest size with a heap of ${heapMebibytes} MB`,
  { timeout: 240_000 },
  async () => {
    const url = `lmdb:${temporaryDirectory()}`;
    await filled(url);
    const server = await ServerProcess.start(url, {
      flags: [`--max-old-space-size=${heapMebibytes}`],
    });
    onTestFinished(async () => server.kill());
    const answer = await fetch(`${server.url}/api/openapi.json`);
    const { paths }: { paths: Record<string, Record<string, unknown>> } = JSON.parse(
      await answer.text(),
    );
    const routes = Object.keys(paths)
      .filter((path) => 'get' in (paths[path] ?? {}) && path !== '/api/events')
      .map((path) => path.replace(/\{(?:id|machine_id)\}/, id(1)).replace(/\{\w+\}/g, 'restart'));
    const lists = [
      '/api/machines?limit=1000',
      '/api/machines?limit=1000&q=serial:no-such',
      '/api/machines?limit=1000&tag=rack',
      '/api/machines?limit=1000&state=Discovered&dialect=dragonfly',
      '/api/workflows?limit=1000',
    ];
    const failed: string[] = [];
    for (const path of [...routes, ...lists]) {
      const { status, body } = await fetch(server.url + path);
      for await (const _ of body ?? []) continue;
      if (status >= 500) failed.push(`${path}: ${status}`);
    }
    expect(failed).toEqual([]);
    expect(routes.length).toBeGreaterThan(25);
  },
);
