// Faults of the embedded store's directory, each with real files.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  chmodSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isAppError } from '../../../src/core/errors.ts';
import { openKv, openStore } from '../../../src/store/open.ts';
import { temporaryDirectory } from '../backends.ts';
import { machine } from '../documents.ts';
import { checkIn, checkinOf, ServerProcess } from '../server-process.ts';

const isRoot = process.getuid?.() === 0;
const canMount = isRoot && spawnSync('unshare', ['-m', 'true']).status === 0;

/** A directory with a store of some machines in it, closed. */
async function filled(machines: number): Promise<string> {
  const directory = temporaryDirectory();
  const store = await openStore(`lmdb:${directory}`);
  const puts = Array.from({ length: machines }, (_, n) => {
    const one = machine(n);
    one.metadata.labels = { note: 'x'.repeat((n % 4) * 1500) };
    return store.machines.put(one);
  });
  await Promise.all(puts);
  await store.close();
  return directory;
}

/** In a word, what opening a directory and reading all its machines comes to. */
async function readAll(directory: string, machines: number): Promise<string> {
  try {
    const store = await openStore(`lmdb:${directory}`);
    try {
      const { items, damaged } = await store.machines.list({ limit: machines });
      if (damaged.length > 0) return 'store.damaged';
      return items.length === machines ? 'all there' : 'some are lost';
    } finally {
      await store.close();
    }
  } catch (err) {
    return isAppError(err) ? err.code : 'bug';
  }
}

describe('a data directory', () => {
  it('is refused to a second server while the first one has it', async () => {
    const directory = temporaryDirectory();
    const first = await openStore(`lmdb:${directory}`);
    await expect(openStore(`lmdb:${directory}`)).rejects.toMatchObject({ code: 'store.in-use' });
    await first.close();
    await (await openStore(`lmdb:${directory}`)).close();
  });

  it('is refused to another process, and free once that is killed', async () => {
    const directory = temporaryDirectory();
    const holder = `
      const { openStore } = await import(${JSON.stringify(join(import.meta.dirname, '../../../src/store/open.ts'))});
      await openStore('lmdb:' + process.argv[1]);
      const second = await openStore('lmdb:' + process.argv[1]).catch((err) => err.code);
      process.stdout.write(String(second), () => process.kill(process.pid, 'SIGKILL'));`;
    const { stdout, signal } = spawnSync(process.execPath, [
      '--input-type=module',
      '-e',
      holder,
      directory,
    ]);
    expect([stdout.toString(), signal]).toEqual(['store.in-use', 'SIGKILL']);
    await (await openStore(`lmdb:${directory}`)).close();
  });

  it('may have a dot in its name', async () => {
    const directory = join(temporaryDirectory(), 'data.d');
    await (await openStore(`lmdb:${directory}`)).close();
    expect(statSync(join(directory, 'data.mdb')).isFile()).toBe(true);
  });

  it('is readable by its owner alone', async () => {
    const directory = join(temporaryDirectory(), 'a', 'b');
    await (await openStore(`lmdb:${directory}`)).close();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  it('of a newer version is refused and left as it is', async () => {
    const directory = await filled(1);
    const kv = await openKv(`lmdb:${directory}`);
    await kv.commit(
      [],
      [{ key: 'meta/format', value: '{"format":"dragonfly-store","version":2}' }],
    );
    await kv.close();
    const before = readFileSync(join(directory, 'data.mdb'));
    await expect(openStore(`lmdb:${directory}`)).rejects.toMatchObject({
      code: 'store.incompatible',
    });
    expect(readFileSync(join(directory, 'data.mdb')).equals(before)).toBe(true);
  });

  it('with a data file that is cut short anywhere is refused', async () => {
    const directory = await filled(200);
    const path = join(directory, 'data.mdb');
    const whole = readFileSync(path);
    for (const length of [0, 1, 4096, 8192, whole.length >> 1, whole.length - 4096]) {
      writeFileSync(path, whole.subarray(0, length));
      await expect(openStore(`lmdb:${directory}`)).rejects.toMatchObject({ code: 'store.damaged' });
    }
    writeFileSync(path, whole);
    await (await openStore(`lmdb:${directory}`)).close();
  });

  it('with a page of junk in it is refused, or the junk is found when it is read', async () => {
    const directory = await filled(200);
    const path = join(directory, 'data.mdb');
    const whole = readFileSync(path);
    const outcomes: string[] = [];
    for (let at = 0; at < whole.length; at += 8 * 4096) {
      const junk = Buffer.from(whole);
      junk.fill(0xa5, at, at + 4096);
      writeFileSync(path, junk);
      outcomes.push(await readAll(directory, 200));
    }
    // Free pages may hold anything.
    expect(outcomes.filter((o) => o !== 'store.damaged' && o !== 'all there')).toEqual([]);
    const refused = outcomes.filter((outcome) => outcome === 'store.damaged');
    expect(refused.length).toBeGreaterThan(outcomes.length / 2);
  });

  it.skipIf(isRoot)('that this user may not write is refused', async () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o500);
    await expect(openStore(`lmdb:${directory}`)).rejects.toMatchObject({
      code: 'store.unavailable',
    });
    await expect(openStore(`lmdb:${directory}/x`)).rejects.toMatchObject({
      code: 'store.unavailable',
    });
  });

  it('that is removed while it is open takes nothing more, and can be closed', async () => {
    const directory = temporaryDirectory();
    const store = await openStore(`lmdb:${directory}`);
    await store.machines.put(machine(1));
    rmSync(directory, { recursive: true });
    const refused = expect.objectContaining({ code: 'store.unavailable' });
    await expect
      .poll(() => store.machines.put(machine(2)).catch((err: unknown) => err), { interval: 20 })
      .toEqual(refused);
    await expect(store.machines.get(machine(1).id)).rejects.toEqual(refused);
    await store.close();
  });

  it('that cannot be looked at takes nothing, until it can', async () => {
    const directory = temporaryDirectory();
    const store = await openStore(`lmdb:${directory}`);
    await store.machines.put(machine(1));
    const away = `${directory}-away`;
    renameSync(directory, away);
    symlinkSync(directory, directory);
    const read = () => store.machines.get(machine(1).id);
    await expect
      .poll(() => read().catch((err: unknown) => err), { interval: 20 })
      .toMatchObject({ code: 'store.unavailable', message: expect.stringMatching(/^cannot look/) });
    rmSync(directory);
    renameSync(away, directory);
    expect(await read()).toBeDefined();
    await store.close();
  });

  it('that is removed, replaced or cut short makes the server’s end say that not everything is written', async () => {
    const ends: [number | null, string | undefined][] = [];
    const ways: readonly (readonly [beats: boolean, spoil?: (directory: string) => unknown])[] = [
      [true],
      [true, (directory) => rmSync(directory, { recursive: true })],
      [
        false,
        // It looks at its file every 0.1 s, and what it reads in between would end it.
        (directory) => sleep(200).then(() => truncateSync(join(directory, 'data.mdb'), 8192)),
      ],
      [
        // Nothing waits to be written, but what was acknowledged after the copy is in it nowhere.
        false,
        (directory) => {
          copyFileSync(join(directory, 'data.mdb'), join(directory, 'copy'));
          renameSync(join(directory, 'copy'), join(directory, 'data.mdb'));
        },
      ],
    ];
    for (const [beats, spoil] of ways) {
      const directory = temporaryDirectory();
      const server = await ServerProcess.start(`lmdb:${directory}`, { level: 'info' });
      onTestFinished(async () => server.kill());
      const id = await checkIn(server.url, checkinOf(1));
      const body = JSON.stringify({ machine_id: id });
      const headers = { 'content-type': 'application/json' };
      if (beats)
        await fetch(`${server.url}/api/agent/heartbeat`, { method: 'POST', headers, body });
      await spoil?.(directory);
      await expect
        .poll(async () => (await fetch(`${server.url}/api/ready`)).status, { interval: 50 })
        .toBe(spoil === undefined ? 200 : 503);
      const { code, log } = await server.stop();
      ends.push([code, /stopped; (?:not )?everything/.exec(log)?.[0]]);
    }
    expect(ends).toEqual([
      [0, 'stopped; everything'],
      [1, 'stopped; not everything'],
      [1, 'stopped; not everything'],
      [1, 'stopped; not everything'],
    ]);
  });

  it('that is a file is refused', async () => {
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    await expect(openStore(`lmdb:${file}`)).rejects.toMatchObject({ code: 'store.unavailable' });
  });

  it('is not made by what only reads', async () => {
    const directory = join(temporaryDirectory(), 'none');
    await expect(openKv(`lmdb:${directory}`, { readOnly: true })).rejects.toMatchObject({
      code: 'store.unavailable',
    });
    expect(statSync(directory, { throwIfNoEntry: false })).toBeUndefined();
  });

  it.skipIf(!canMount)(
    'on a full disk refuses writes but no removals, loses none, and works again (needs root)',
    () => {
      const directory = temporaryDirectory();
      const script = join(import.meta.dirname, 'fill-disk.ts');
      const mountAndRun = 'mount -t tmpfs -o size=70m tmpfs "$1" && exec "$2" "$3" "$1" 2>"$4"';
      const stderr = join(temporaryDirectory(), 'stderr');
      const run = ['sh', '-c', mountAndRun, 'sh', directory, process.execPath, script, stderr];
      const output = execFileSync('unshare', ['-m', ...run]);
      const result: unknown = JSON.parse(output.toString());
      expect(result).toMatchObject({
        lost: 0,
        codes: ['store.full'],
        removed: 20,
        afterwards: 'written',
      });
      expect(result).toHaveProperty('deleted', Object(result).acknowledged);
      expect(result).toHaveProperty(
        'acknowledged',
        expect.toSatisfy((n: number) => n > 100 && n < 1000),
      );
    },
  );
});

describe('a store URL', () => {
  it('that names no store is refused with what could be written', async () => {
    for (const url of [
      '',
      'lmdb:',
      'redis://x',
      'etcd:',
      'etcd:localhost:2379',
      'etcd:http://u:p@h:1',
    ]) {
      await expect(openStore(url)).rejects.toMatchObject({ code: 'config.invalid' });
    }
  });
});
