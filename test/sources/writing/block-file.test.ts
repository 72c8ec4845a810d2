import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  alignedBuffer,
  deviceNumber,
  openBlockFile,
} from '../../../src/sources/writing/block-file.ts';
import { canLoop, loopDisk } from './loop.ts';

const MiB = 1024 * 1024;
const directory = mkdtempSync(join(tmpdir(), 'dragonfly-block-'));
afterAll(() => rmSync(directory, { recursive: true }));

function imageFile(name: string, bytes: number): string {
  const path = join(directory, name);
  writeFileSync(path, '');
  truncateSync(path, bytes);
  return path;
}

describe('an image file', () => {
  it('is written and read back past the page cache', async () => {
    const path = imageFile('a', 4 * MiB);
    const file = await openBlockFile(path, { mode: 'write' });
    const block = alignedBuffer(MiB).fill(7);
    await file.write(block, MiB);
    await file.sync();
    const back = alignedBuffer(MiB);
    await file.read(back, MiB);
    await file.close();
    await file.close();
    expect(back.equals(block)).toBe(true);
    expect(
      readFileSync(path)
        .subarray(MiB, 2 * MiB)
        .equals(block),
    ).toBe(true);
    expect(file).toMatchObject({ sizeBytes: 4 * MiB, sectorBytes: 512 });
  });

  it('is written through the page cache where there is no other way', async () => {
    // tmpfs takes O_DIRECT since Linux 6.6; sysfs does not.
    const file = await openBlockFile('/sys/kernel/notes', { mode: 'read' });
    expect(file.isDirect).toBe(false);
    await file.close();
  });

  it('says what is missing at its end', async () => {
    const file = await openBlockFile(imageFile('short', MiB), { mode: 'read' });
    await expect(file.read(alignedBuffer(MiB), MiB)).rejects.toMatchObject({
      code: 'disk.failed',
      message: expect.stringContaining('cannot read 1048576 bytes at 1048576 of'),
    });
    await file.close();
  });

  it('that is not there fails with its path', async () => {
    await expect(openBlockFile('/no/such/disk', { mode: 'write' })).rejects.toMatchObject({
      code: 'disk.failed',
      message: 'cannot open /no/such/disk: it was unplugged, or has no medium',
    });
  });
});

describe.skipIf(!canLoop)('a block device (needs root and loop devices)', () => {
  it.each([512, 4096])('tells its size and its sectors of %d bytes', async (sectorBytes) => {
    using disk = loopDisk(8 * MiB, sectorBytes);
    const file = await openBlockFile(disk.path, { mode: 'write' });
    expect(file).toMatchObject({ sizeBytes: 8 * MiB, sectorBytes, isDirect: true });
    await file.close();
  });

  it('that was unplugged, or has no medium, is not opened', async () => {
    using disk = loopDisk(0);
    await expect(openBlockFile(disk.path, { mode: 'read' })).rejects.toMatchObject({
      message: `cannot open ${disk.path}: it was unplugged, or has no medium`,
      cause: { message: 'it has 0 bytes' },
    });
  });

  it('that is mounted is not opened for writing', async () => {
    using disk = loopDisk(8 * MiB);
    execFileSync('mkfs.ext4', ['-q', disk.path]);
    const place = join(directory, 'mounted');
    execFileSync('mkdir', [place]);
    execFileSync('mount', [disk.path, place]);
    try {
      await expect(openBlockFile(disk.path, { mode: 'write' })).rejects.toMatchObject({
        code: 'disk.in-use',
      });
      await (await openBlockFile(disk.path, { mode: 'read' })).close();
    } finally {
      execFileSync('umount', [place]);
    }
  });
});

it('splits a device number as glibc does', () => {
  expect([deviceNumber(0x0810), deviceNumber(0x13_fe05)]).toEqual(['8:16', '1022:261']);
});
