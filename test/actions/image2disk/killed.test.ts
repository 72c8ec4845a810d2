// An install that is killed or cancelled at any moment: the disk boots only when all of the image is on it. An
// agent that is started again in the same boot finishes it.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWhenFree } from '../../../src/actions/disk/nodes.ts';
import { image2disk } from '../../../src/actions/image2disk.ts';
import { agent } from './agent-process.ts';
import { pack, scratch } from '../images.ts';
import { canInstall, expectInstalled, makeImage, needs, usedDisk } from '../installing.ts';
import { onPartition, systemDisk } from '../systems.ts';
import { fileServer, MiB, never, thisHost, workplace, type FileServer } from '../workplace.ts';

const diskBytes = 64 * MiB;

describe.skipIf(!canInstall)(`an agent that is killed ${needs}`, () => {
  let image = Buffer.alloc(0);
  let server: FileServer;
  let wholeMs = 0;
  const actions = (): readonly object[] => [
    { action: 'image2disk', url: `${server.url}/image` },
    { action: 'writefile', path: '/etc/hostname', content: 'web1\n' },
  ];

  beforeAll(async () => {
    using system = systemDisk({
      script: 'head -c 12000000 /dev/urandom > root/data',
      sizeMiB: 48,
    });
    execFileSync('blockdev', ['--flushbufs', system.path]);
    image = readFileSync(system.image);
    server = await fileServer({ image: { body: pack(image, 'zstd', '-1') } });
    using disk = usedDisk(diskBytes);
    using files = scratch();
    wholeMs = (await agent(disk, actions(), files.path('journal'))).tookMs;
  }, 120_000);
  afterAll(async () => await server?.[Symbol.asyncDispose]());

  // Each at a random moment of its own tenth.
  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])(
    'in tenth %i of the time: the disk does not boot before it is whole, and is right in the end',
    { timeout: 120_000 },
    async (tenth) => {
      const killAfterMs = ((tenth + Math.random()) / 10) * wholeMs;
      using disk = usedDisk(diskBytes);
      using files = scratch();
      const before = readFileSync(disk.image);
      await agent(disk, actions(), files.path('journal'), killAfterMs);
      execFileSync('blockdev', ['--flushbufs', disk.path]);
      expectNothingHalf(readFileSync(disk.image), before, image);
      const { code, said } = await agent(disk, actions(), files.path('journal'));
      expect([code, said]).toEqual([0, expect.stringContaining('"success":true')]);
      onPartition(disk.path, 2, (top) => {
        expect(readFileSync(join(top, 'etc/hostname'), 'utf8')).toBe('web1\n');
        expect(existsSync(join(top, 'root/data'))).toBe(true);
      });
      const verdict = execFileSync('/usr/sbin/sgdisk', ['--verify', disk.path], {
        encoding: 'utf8',
      });
      expect(verdict).toContain('No problems found');
    },
  );
});

describe.skipIf(!canInstall)(`an agent that is killed while it partitions ${needs}`, () => {
  it(
    'has made what was asked for in the end, at ten random moments',
    { timeout: 120_000 },
    async () => {
      const partition = [{ action: 'partition', layout: 'gpt-bios' }];
      let wholeMs = 0;
      // The first one is not killed.
      for (let tenth = -1; tenth < 10; tenth += 1) {
        // The smallest that has room for the layout.
        using disk = usedDisk(72 * MiB);
        using files = scratch();
        const killed = tenth < 0 ? undefined : ((tenth + Math.random()) / 10) * wholeMs;
        const { tookMs, said: first } = await agent(disk, partition, files.path('journal'), killed);
        if (tenth < 0) wholeMs = tookMs;
        const { code, said } = await agent(disk, partition, files.path('journal'));
        const done = expect.stringContaining('"success":true');
        expect({ first, code, said }).toEqual({ first, code: 0, said: done });
        const check = ['-p', '-s', 'TYPE', '-o', 'value', `${disk.path}p2`];
        expect(execFileSync('/usr/sbin/blkid', check, { encoding: 'utf8' })).toBe('ext4\n');
        execFileSync('/usr/sbin/e2fsck', ['-fn', `${disk.path}p2`], { stdio: 'ignore' });
      }
    },
  );
});

describe.skipIf(!canInstall)(
  `an agent that is killed while a program runs in the system ${needs}`,
  () => {
    it('takes the program with it, and its mounts', { timeout: 60_000 }, async () => {
      using disk = systemDisk();
      using files = scratch();
      const program = Buffer.from('#!/bin/sh\n: > /root/begun; echo begun; sleep 1000\n');
      await using programs = await fileServer({ jetpack: { body: program } });
      const playbook = { url: 'https://example.com/play', binary_url: `${programs.url}/jetpack` };
      await agent(disk, [{ action: 'jetpack', ...playbook }], files.path('journal'), 'begun');
      // Nobody else may have it open: neither the program nor a mount.
      await (await openWhenFree(thisHost(), disk.path, { signal: never })).close();
      onPartition(disk.path, 2, (top) => expect(existsSync(join(top, 'root/begun'))).toBe(true));
    });
  },
);

describe.skipIf(!canInstall)(`an install that is cancelled ${needs}`, () => {
  it(
    'leaves a disk that does not boot, or one that is whole, at ten random moments',
    { timeout: 120_000 },
    async () => {
      const image = makeImage(20);
      await using server = await fileServer({ image: { body: pack(image, 'zstd', '-1') } });
      let wholeMs = 0;
      // The first one is not cancelled.
      for (let tenth = -1; tenth < 10; tenth += 1) {
        using disk = usedDisk(24 * MiB);
        const before = readFileSync(disk.image);
        const abort = new AbortController();
        const afterMs = ((tenth + Math.random()) / 10) * wholeMs;
        const timer =
          tenth < 0 ? undefined : setTimeout(() => abort.abort(new Error('cancelled')), afterMs);
        const startMs = performance.now();
        const fields = { action: 'image2disk' as const, url: `${server.url}/image` };
        const outcome = await image2disk
          .run(fields, workplace(disk.path, { signal: abort.signal }))
          .then(
            () => 'whole',
            (err: unknown) => String(err),
          );
        clearTimeout(timer);
        wholeMs = tenth < 0 ? performance.now() - startMs : wholeMs;
        execFileSync('blockdev', ['--flushbufs', disk.path]);
        expect(['whole', 'Error: cancelled']).toContain(outcome);
        if (outcome === 'whole') expectInstalled(disk, image);
        else expectNothingHalf(readFileSync(disk.image), before, image);
      }
    },
  );
});

/** The disk is as it was, has no end that firmware reads, or has the whole image. */
function expectNothingHalf(found: Buffer, before: Buffer, image: Buffer): void {
  const isEmpty = (at: number): boolean => found.subarray(at, at + MiB).every((byte) => byte === 0);
  if (isEmpty(0) && isEmpty(found.length - MiB)) return;
  // The first of all writes wipes the start.
  if (!isEmpty(0) && found.subarray(MiB, -MiB).equals(before.subarray(MiB, -MiB))) return;
  const [from, to] = [MiB, Math.min(17, image.length / MiB - 1) * MiB];
  expect(found.subarray(from, to).equals(image.subarray(from, to))).toBe(true);
}
