import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock, type Clock } from '../../../src/core/clock.ts';
import { IsolatedFiles } from '../../../src/sources/isolated/isolated.ts';
import { openRoot } from '../../../src/sources/open.ts';
import { canHang, hang } from './hanging-mount.ts';

const skipped = canHang() ? '' : ' (skipped: needs root and /dev/fuse)';

/** The clock, which is told the limit of each read that is tried, and may be later than it is. */
function noting(onLimit: (ms: number) => void, laterMs = () => 0): Clock {
  return {
    now: () => systemClock.now(),
    elapsedMs: () => systemClock.elapsedMs() + laterMs(),
    sleep: (ms, signal) => {
      onLimit(ms);
      return systemClock.sleep(ms, signal);
    },
  };
}

it.skipIf(!canHang())(
  'disks that hang, partitions and all, leave a single reader time for the others',
  async () => {
    const top = mkdtempSync(join(tmpdir(), 'dragonfly-hang-'));
    const disks = ['sda', 'xvdb', 'nvme0n1'];
    const parts = ['sda1', 'sda2', 'sda15', 'xvdb1', 'xvdb2', 'nvme0n1p1', 'nvme0n1p2'];
    const hanging = [...disks, ...parts].map((name) => `/dev/${name}`);
    const releases = await Promise.all(hanging.map((path) => hang(join(top, path))));
    onTestFinished(async () => {
      await Promise.all(releases.map((release) => release()));
      rmSync(top, { recursive: true });
    });
    const alive = ['/dev/sdaa', '/dev/sdaa1', '/dev/nvme0n2'];
    for (const path of alive) writeFileSync(join(top, path), 'alive');
    // Each read that is tried has its deadline.
    let tried = 0;
    const clock = noting(() => {
      tried += 1;
    });
    const files = new IsolatedFiles(top, 400, clock, 1);
    const reads = [...hanging, ...alive].map((path) => files.text(path));
    const ends = await Promise.allSettled(reads);
    for (const end of ends.slice(0, hanging.length)) {
      expect(end).toMatchObject({ reason: { code: 'read.timeout' } });
    }
    for (const end of ends.slice(hanging.length)) expect(end).toMatchObject({ value: 'alive' });
    expect(tried).toBe(2 * disks.length + alive.length);
    files.endIdle();
  },
);

/** Hangs these files until the test ends; the folder that holds them. */
async function hangingFiles(...paths: string[]): Promise<string> {
  const top = mkdtempSync(join(tmpdir(), 'dragonfly-hang-'));
  const releases = await Promise.all(paths.map((path) => hang(join(top, path))));
  onTestFinished(async () => {
    await Promise.all(releases.map((release) => release()));
    rmSync(top, { recursive: true });
  });
  return top;
}

it.skipIf(!canHang())(
  'a controller with 10 disks that hang leaves a single reader time for the one behind them',
  async () => {
    const disks = Array.from({ length: 10 }, (_, i) => `/dev/nvme${i}n1`);
    const top = await hangingFiles(...disks);
    writeFileSync(join(top, '/dev/sda'), 'alive');
    const limits: number[] = [];
    const clock = noting((ms) => limits.push(ms));
    const timeoutMs = 1000;
    const files = new IsolatedFiles(top, timeoutMs, clock, 1);
    // Each is read at several places.
    const reads = [...disks, '/dev/sda', ...disks].map((path) => files.text(path));
    const ends = await Promise.allSettled(reads);
    expect(ends[disks.length]).toMatchObject({ value: 'alive' });
    // Each disk for itself would take 10 times as long as one read, and probes of disks have 15 times as long.
    const sum = limits.reduce((all, limit) => all + limit, 0);
    expect(sum).toBeLessThan(6 * timeoutMs);
    files.endIdle();
  },
);

it.skipIf(!canHang())(
  'a disk that hung is read again once another one has its name, or ten minutes later',
  async () => {
    const top = await hangingFiles('/dev/sda', '/dev/sda1', '/dev/sdb');
    const system = join(top, 'sys/block');
    const give = (disk: string, sequence: string): void => {
      mkdirSync(join(system, disk), { recursive: true });
      writeFileSync(join(system, disk, 'diskseq'), sequence);
    };
    give('sda', '1\n');
    give('sdb', '2\n');
    let laterMs = 0;
    let tried = 0;
    const clock = noting(
      () => {
        tried += 1;
      },
      () => laterMs,
    );
    const files = new IsolatedFiles(top, 200, clock, 1, system);
    const triesOf = async (path: string): Promise<number> => {
      const before = tried;
      await expect(files.text(path)).rejects.toMatchObject({ code: 'read.timeout' });
      return tried - before;
    };
    for (const tries of [1, 1, 0, 0]) expect(await triesOf('/dev/sda1'), 'first').toBe(tries);
    give('sda', '3\n');
    for (const tries of [1, 1, 0]) expect(await triesOf('/dev/sda'), 'replaced').toBe(tries);
    for (const tries of [1, 1, 0]) expect(await triesOf('/dev/sdb'), 'other').toBe(tries);
    laterMs = 600_000;
    for (const tries of [1, 1, 0]) expect(await triesOf('/dev/sda'), 'later').toBe(tries);
    files.endIdle();
  },
  // Eleven readers are killed, and others started in their place.
  120_000,
);

it.skipIf(!canHang())(
  'disks that hung and were pulled leave the others their whole time after ten minutes',
  async () => {
    const disks = Array.from({ length: 4 }, (_, i) => `/dev/nvme${i}n1`);
    const top = await hangingFiles(...disks);
    writeFileSync(join(top, '/dev/sda'), 'alive');
    let laterMs = 0;
    const limits: number[] = [];
    const clock = noting(
      (ms) => limits.push(ms),
      () => laterMs,
    );
    const files = new IsolatedFiles(top, 300, clock, 1);
    await Promise.allSettled(disks.map((path) => files.text(path)));
    for (const later of [0, 600_000]) {
      laterMs = later;
      expect(await files.text('/dev/sda')).toBe('alive');
    }
    expect(limits.slice(disks.length)).toEqual([100, 300]);
    files.endIdle();
  },
);

describe.skipIf(!canHang())(`a directory of which a part hangs${skipped}`, () => {
  let top: string;
  let release: () => Promise<void>;

  beforeEach(async () => {
    top = mkdtempSync(join(tmpdir(), 'dragonfly-hang-'));
    mkdirSync(join(top, 'etc'));
    writeFileSync(join(top, 'etc/hostname'), 'alive\n');
    release = await hang(join(top, 'sys/block/sda'));
  });
  afterEach(async () => {
    await release();
    rmSync(top, { recursive: true });
  });

  it('gives up each read in it and still reads everything else', async () => {
    const root = await openRoot(top, { readTimeoutMs: 400 });
    const paths = Array.from({ length: 8 }, (_, i) => `/sys/block/sda/file${i}`);
    const hung = Promise.allSettled(paths.map((path) => root.text(path)));
    const alive = root.text('/etc/hostname');
    for (const [i, result] of (await hung).entries()) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { code: 'read.timeout', details: { path: paths[i] } },
      });
    }
    expect(await alive).toBe('alive\n');
    await expect(root.list('/sys/block/sda')).rejects.toMatchObject({ code: 'read.timeout' });
    await expect(root.link('/sys/block/sda/device')).rejects.toMatchObject({
      code: 'read.timeout',
    });
    expect(await root.list('/sys/block')).toEqual(['sda']);
    expect(await root.bytes('/etc/hostname')).toEqual(new TextEncoder().encode('alive\n'));
    expect(await root.text('/etc/absent')).toBeUndefined();
  });

  it('takes two threads of the pool at most, and the process ends', async () => {
    const program = `
      import { lookup } from 'node:dns/promises';
      import { leave } from ${moduleUrl('cli/leave.ts')};
      import { systemClock as clock } from ${moduleUrl('core/clock.ts')};
      import { SlowReads, stuckReads } from ${moduleUrl('sources/isolated/slow-reads.ts')};
      const otherwise = async (path) => 'elsewhere';
      const slow = new SlowReads({ timeoutMs: 200, clock, otherwise });
      const read = (i) => slow.text(process.argv[1] + '/sys/block/sda/' + i).catch((err) => err.code);
      const results = await Promise.all([1, 2, 3, 4, 5].map(read));
      const { address } = await lookup('localhost', 4);
      console.log(JSON.stringify({ results, stuck: stuckReads(), address }));
      await leave(7);
    `;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, top]);
    await expect(run).rejects.toMatchObject({
      code: 7,
      stdout: `${JSON.stringify({
        results: ['read.timeout', 'read.timeout', 'elsewhere', 'elsewhere', 'elsewhere'],
        stuck: 2,
        address: '127.0.0.1',
      })}\n`,
    });
  });

  it('is given up by a process that then ends', async () => {
    const program = `
      import { openRoot } from ${moduleUrl('sources/open.ts')};
      const root = await openRoot(process.argv[1], { readTimeoutMs: 200 });
      await root.text('/sys/block/sda/size').catch((err) => console.log(err.code));
    `;
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '-e',
      program,
      top,
    ]);
    expect(stdout).toBe('read.timeout\n');
  });
});

function moduleUrl(path: string): string {
  return JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);
}
