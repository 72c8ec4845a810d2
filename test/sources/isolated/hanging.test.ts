import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRoot } from '../../../src/sources/open.ts';
import { canHang, hang } from './hanging-mount.ts';

const skipped = canHang() ? '' : ' (skipped: needs root and /dev/fuse)';

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
