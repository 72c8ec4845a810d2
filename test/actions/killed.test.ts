// The agent killed at any moment of an install, and started again in the same boot: the disk boots only when
// all of the image is on it, and in the end it is.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoopDisk } from '../sources/writing/loop.ts';
import { pack, scratch } from './images.ts';
import { canInstall, needs, usedDisk } from './installing.ts';
import { onPartition, systemDisk } from './systems.ts';
import { fileServer, MiB, type FileServer } from './workplace.ts';

const victim = fileURLToPath(new URL('victim.ts', import.meta.url));
const diskBytes = 128 * MiB;

/** Runs the agent, and kills it after a while. */
async function agent(disk: LoopDisk, url: string, journal: string, killAfterMs?: number) {
  const startMs = performance.now();
  const child = spawn(process.execPath, [victim, disk.path, url, journal]);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs ?? 120_000);
  const code = await new Promise((resolve) => {
    child.once('close', resolve);
  });
  clearTimeout(timer);
  return { code, said, tookMs: performance.now() - startMs };
}

describe.skipIf(!canInstall)(`an agent that is killed ${needs}`, () => {
  let image = Buffer.alloc(0);
  let server: FileServer;
  let wholeMs = 0;
  const url = (): string => `${server.url}/image`;

  beforeAll(async () => {
    using system = systemDisk({ script: 'head -c 12000000 /dev/urandom > root/data' });
    execFileSync('blockdev', ['--flushbufs', system.path]);
    image = readFileSync(system.image);
    server = await fileServer({ image: { body: pack(image, 'zstd', '-1') } });
    using disk = usedDisk(diskBytes);
    using files = scratch();
    wholeMs = (await agent(disk, url(), files.path('journal'))).tookMs;
  }, 120_000);
  afterAll(async () => await server?.[Symbol.asyncDispose]());

  // Each at a random moment of its own tenth.
  it.each(Array.from({ length: 10 }, (_, tenth) => (tenth + Math.random()) / 10))(
    'after %f of the time: the disk does not boot before it is whole, and is right in the end',
    { timeout: 120_000 },
    async (part) => {
      using disk = usedDisk(diskBytes);
      using files = scratch();
      const before = readFileSync(disk.image);
      await agent(disk, url(), files.path('journal'), part * wholeMs);
      execFileSync('blockdev', ['--flushbufs', disk.path]);
      expectNothingHalf(readFileSync(disk.image), before, image);
      const { code, said } = await agent(disk, url(), files.path('journal'));
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

/** The disk is as it was, has no end that firmware reads, or has the whole image. */
function expectNothingHalf(found: Buffer, before: Buffer, image: Buffer): void {
  const isEmpty = (at: number): boolean => found.subarray(at, at + MiB).every((byte) => byte === 0);
  if (isEmpty(0) && isEmpty(found.length - MiB)) return;
  // The first of all writes wipes the start.
  if (!isEmpty(0) && found.subarray(MiB, -MiB).equals(before.subarray(MiB, -MiB))) return;
  const system = image.subarray(MiB, 17 * MiB);
  expect(found.subarray(MiB, 17 * MiB).equals(system)).toBe(true);
}
