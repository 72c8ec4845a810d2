// A data file with single bits flipped: refused as damaged, or served right, and never the end of the process.
// DRAGONFLY_FLIPS=500 flips more than the few here.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { openDirectory } from '../../../src/store/lmdb/data-directory.ts';
import { problemOf, tryDirectory } from '../../../src/store/lmdb/trial.ts';
import { openStore } from '../../../src/store/open.ts';
import { temporaryDirectory } from '../backends.ts';
import { machine } from '../documents.ts';
import { trialOf } from './trial-child.ts';

const machines = 200;
const flips = Number(process.env['DRAGONFLY_FLIPS'] ?? 32);
const seed = Number(process.env['DRAGONFLY_SEED'] ?? 1);

/** A closed directory whose trees have branches, large values and free pages. */
async function filled(): Promise<string> {
  const directory = temporaryDirectory();
  const store = await openStore(`lmdb:${directory}`);
  for (let round = 0; round < 3; round += 1) {
    const puts = Array.from({ length: machines }, (_, n) => {
      const one = machine(n);
      one.metadata.labels = { note: 'x'.repeat((n % 4) * 1500) };
      one.config.tags = [`t${(n + round) % 7}`];
      return store.machines.put(one);
    });
    await Promise.all(puts);
  }
  await store.close();
  return directory;
}

it(
  `with ${flips} single bits flipped is refused, or served but for what is named`,
  { timeout: 60_000 + flips * 1000 },
  async () => {
    const directory = await filled();
    const program = join(import.meta.dirname, 'flip-bits.ts');
    const args = [program, directory, String(machines), String(flips), String(seed)];
    const { stdout, stderr, signal, status } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    const lines = stdout.trim().split('\n');
    expect([signal, status, stderr], `it ended after ${lines.at(-1)}`).toEqual([null, 0, '']);
    expect(lines).toHaveLength(2 * flips);
    const outcomes = new Map<string, number>();
    const wrong: string[] = [];
    for (let i = 0; i < lines.length; i += 2) {
      const outcome = String(JSON.parse(lines[i + 1] ?? ''));
      const { kind }: { kind: string } = JSON.parse(lines[i] ?? '');
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      // Neither the file nor a record has a checksum: another letter in a text shows as it is.
      const mayBe = kind === 'anywhere' ? ['wrong'] : [];
      const good = ['served', 'served but for what is named', 'store.damaged', ...mayBe];
      if (!good.includes(outcome)) wrong.push(`${lines[i]}: ${outcome}`);
    }
    expect(wrong).toEqual([]);
    expect(outcomes.get('store.damaged')).toBeGreaterThan(flips / 3);
  },
);

const isBeingChecked = {
  code: 'store.unavailable',
  message: expect.stringContaining('is being checked, because another program wrote to it'),
};
const mebibyte = 1024 * 1024;

it.each([
  ['that', 0],
  ['of 65 MiB that', 65 * mebibyte],
])(
  '%s another program wrote into while it was open answers no list and takes no write',
  async (_file, bytesAtLeast) => {
    const directory = temporaryDirectory();
    const path = join(directory, 'data.mdb');
    await (await openStore(`lmdb:${directory}`)).close();
    // LMDB takes what is behind its last page for free.
    if (bytesAtLeast > 0) truncateSync(path, bytesAtLeast);
    const store = await openStore(`lmdb:${directory}`);
    const puts = Array.from({ length: machines }, (_, n) => store.machines.put(machine(n)));
    await Promise.all(puts);
    // A time of another program, as of one that keeps files as they were, is no damage.
    utimesSync(path, new Date(0), new Date(0));
    const list = () => store.machines.list({ limit: 1000 });
    await expect(list()).rejects.toMatchObject(isBeingChecked);
    await expect(store.machines.put(machine(1))).rejects.toMatchObject(isBeingChecked);
    await expect
      .poll(async () => (await list().catch(() => undefined))?.items.length, { timeout: 30_000 })
      .toBe(machines);
    await store.machines.put(machine(1));
    const file = openSync(path, 'r+');
    const bytes = readFileSync(file);
    const pageBytes = bytes.readUInt32LE(48);
    // The keys of the lists of free pages, which are always looked at, have 8 bytes.
    const isLeaf = (at: number): boolean =>
      bytes.readUInt16LE(at + 18) === 2 &&
      bytes.readUInt16LE(at + 30 + bytes.readUInt16LE(at + 24)) > 8;
    let leaf = 2 * pageBytes;
    while (!isLeaf(leaf)) leaf += pageBytes;
    for (let at = 2 * pageBytes; at < Math.min(bytes.length, mebibyte); at += pageBytes)
      if (isLeaf(at)) writeSync(file, bytes, leaf, pageBytes, at);
    closeSync(file);
    const refusal = expect.objectContaining({
      code: 'store.unavailable',
      message: expect.stringMatching(/written to by another program .*page/),
    });
    await expect(list()).rejects.toMatchObject(isBeingChecked);
    await expect
      .poll(() => list().catch((err: unknown) => err), { timeout: 30_000 })
      .toEqual(refusal);
    await expect(store.machines.listBy('tag', 'a')).rejects.toEqual(refusal);
    await expect(store.machines.snapshot()).rejects.toEqual(refusal);
    await expect(store.machines.put(machine(2))).rejects.toEqual(refusal);
    await store.close();
  },
);

it('that is touched again and again is used between its checks', async () => {
  const directory = temporaryDirectory();
  const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
  const kv = await openDirectory(directory, {}, clock);
  const put = (value: string) => kv.commit([], [{ key: 'tags/a', value }]);
  const list = () => kv.read([{ prefix: 'tags/', limit: 1 }]);
  let touches = 0;
  const touch = (): void => {
    touches += 1;
    utimesSync(join(directory, 'data.mdb'), touches, touches);
  };
  const isChecked = async (): Promise<void> => {
    await expect(list()).rejects.toMatchObject(isBeingChecked);
    await kv.settled?.();
  };
  await put('1');
  for (let n = 0; n < 3; n += 1) {
    touch();
    await isChecked();
  }
  for (const value of ['2', '3']) {
    touch();
    await put(value);
    expect(await list()).toMatchObject([[{ value }]]);
  }
  await clock.advance(10_000);
  await isChecked();
  expect(await list()).toMatchObject([[{ value: '3' }]]);
  await clock.advance(80_000);
  touch();
  await isChecked();
  await kv.close();
});

it('that is closed while it is checked is waited for no longer', async () => {
  const directory = temporaryDirectory();
  const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
  const sleep = clock.sleep.bind(clock);
  let sleeps = 0;
  // One who went on would let nobody else have a turn.
  clock.sleep = (...args) => ((sleeps += 1) > 9 ? new Promise(() => {}) : sleep(...args));
  const kv = await openDirectory(directory, {}, clock);
  await kv.commit([], [{ key: 'tags/a', value: '1' }]);
  utimesSync(join(directory, 'data.mdb'), 1, 1);
  await expect(kv.read([{ prefix: 'tags/', limit: 1 }])).rejects.toMatchObject(isBeingChecked);
  const settled = kv.settled?.();
  await kv.close();
  await settled;
});

it('that was copied over by one that is whole, but not of now, is not used again', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'data.mdb');
  const store = await openStore(`lmdb:${directory}`);
  for (let n = 0; n < 5; n += 1) await store.machines.put(machine(n));
  const older = readFileSync(path);
  for (let n = 5; n < 10; n += 1) await store.machines.put(machine(n));
  const file = openSync(path, 'r+');
  writeSync(file, older);
  closeSync(file);
  const refusal = expect.objectContaining({
    code: 'store.unavailable',
    message: expect.stringContaining('its last transaction is not the one of this server'),
  });
  await expect(store.machines.list()).rejects.toEqual(refusal);
  await expect(store.machines.put(machine(20))).rejects.toEqual(refusal);
  await store.close();
});

it('is tried by another process after a server that did not close it, and then closed', async () => {
  const directory = await filled();
  const mark = join(directory, 'not-closed');
  expect(existsSync(mark)).toBe(false);
  writeFileSync(mark, '');
  const store = await openStore(`lmdb:${directory}`);
  expect(existsSync(mark)).toBe(true);
  await store.close();
  expect(existsSync(mark)).toBe(false);
});

it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  'is not called damaged where the process that tries it is ended by %s',
  (signal) => {
    const ended = { status: null, stderr: '' };
    expect(() => problemOf('data', { ...ended, signal })).toThrow(
      expect.objectContaining({ code: 'store.unavailable' }),
    );
    expect(problemOf('data', { ...ended, signal: 'SIGSEGV' })).toContain('SIGSEGV');
  },
);

it('is not waited for without end where the process that tries it does not end', async () => {
  const directory = await filled();
  await expect(tryDirectory(directory, { limitMs: 1 })).rejects.toMatchObject({
    code: 'store.unavailable',
    message: expect.stringContaining('did not end in 1 seconds'),
  });
});

it('that LMDB does not survive ends the process that tries it, and no other', async () => {
  const directory = await filled();
  const shares: number[] = [];
  expect(await tryDirectory(directory, { onProgress: (share) => shares.push(share) })).toBe(
    undefined,
  );
  expect([shares.at(-1), shares.toSorted((a, b) => a - b)]).toEqual([1, shares]);
  const ended = tryDirectory(directory);
  process.kill(await trialOf(process.pid), 'SIGSEGV');
  expect(await ended).toBe('LMDB ended with SIGSEGV on reading it');
});
