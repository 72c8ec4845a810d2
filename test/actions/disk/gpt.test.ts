import { execFileSync } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hasTable } from '../../../src/model/image/table.ts';
import { checkTable, moveBackup } from '../../../src/actions/disk/gpt.ts';
import { has } from '../../sources/writing/loop.ts';
import { scratch } from '../images.ts';
import { MiB } from '../workplace.ts';

const canPartition = has('sfdisk') && has('sgdisk');
const disk = (sizeBytes: number, sectorBytes = 512) => ({
  path: '/dev/sdx',
  sizeBytes,
  sectorBytes,
});

function image(script: string, sizeMiB = 8): Buffer {
  using files = scratch();
  const path = files.path('image');
  writeFileSync(path, '');
  truncateSync(path, sizeMiB * MiB);
  execFileSync('/usr/sbin/sfdisk', ['--quiet', path], { input: script });
  return readFileSync(path);
}

describe.skipIf(!canPartition)('the GPT of an image (needs sfdisk, sgdisk)', () => {
  const gpt = canPartition ? image('label: gpt\nsize=2M\nsize=3M\n') : Buffer.alloc(0);

  it.each([8, 9, 64])('is one that sgdisk finds right on a disk of %d MiB', (sizeMiB) => {
    using files = scratch();
    const path = files.path('disk');
    const moved = moveBackup(gpt.subarray(0, MiB), disk(sizeMiB * MiB + 512 * 3));
    const whole = Buffer.alloc(sizeMiB * MiB + 512 * 3);
    gpt.copy(whole);
    moved?.head.copy(whole);
    moved?.backup.bytes.copy(whole, moved.backup.offset);
    writeFileSync(path, whole);
    const verdict = execFileSync('/usr/sbin/sgdisk', ['--verify', path], { encoding: 'utf8' });
    expect(verdict).toContain('No problems found');
    expect(whole.readUInt32LE(446 + 12)).toBe(whole.length / 512 - 1);
    // A system that boots from it gets the whole disk.
    expect(execFileSync('/usr/sbin/sgdisk', ['--print', path], { encoding: 'utf8' })).toContain(
      `last usable sector is ${whole.length / 512 - 34}`,
    );
  });

  it('is left alone when it is damaged', () => {
    for (const at of [512 + 20, 512 + 60, 1024 + 5]) {
      const damaged = Buffer.from(gpt.subarray(0, MiB));
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      expect(moveBackup(damaged, disk(64 * MiB))).toBeUndefined();
    }
    expect(moveBackup(gpt.subarray(0, 4096), disk(64 * MiB))).toBeUndefined();
    expect(moveBackup(Buffer.alloc(MiB), disk(64 * MiB))).toBeUndefined();
  });

  it.each([
    ['of which the header is damaged', 512 + 60, 'header'],
    ['of which an entry is damaged', 1024 + 5, 'entries'],
    ['without a protective MBR', 446 + 4, 'MBR'],
  ])('is refused %s, unless an MBR has partitions beside it', (_, at, why) => {
    const damaged = Buffer.from(gpt.subarray(0, MiB));
    damaged[at] = (damaged[at] ?? 0) ^ 0xee;
    expect(() => checkTable(damaged, disk(64 * MiB))).toThrow(why);
    damaged.set([0, 0, 0, 0, 0x0c], 462);
    damaged.writeUInt32LE(2048, 462 + 8);
    damaged.writeUInt32LE(4096, 462 + 12);
    expect(() => checkTable(damaged, disk(64 * MiB))).not.toThrow();
  });

  it('keeps the MBR of a board that boots by it', () => {
    const hybrid = Buffer.from(gpt.subarray(0, MiB));
    hybrid.writeUInt32LE(2047, 446 + 12);
    hybrid.set([0, 0, 0, 0, 0x0c], 462);
    hybrid.writeUInt32LE(2048, 462 + 8);
    hybrid.writeUInt32LE(4096, 462 + 12);
    const moved = moveBackup(hybrid, disk(64 * MiB));
    expect(moved?.head.subarray(0, 512).equals(hybrid.subarray(0, 512))).toBe(true);
    expect(moved?.backup.offset).toBe(64 * MiB - 33 * 512);
  });

  it('must count in the disk’s sectors', () => {
    expect(() => checkTable(gpt, disk(64 * MiB, 4096))).toThrow('sectors of 512 bytes');
    expect(() => checkTable(gpt, disk(64 * MiB))).not.toThrow();
  });

  it('must have its partitions on the disk', () => {
    expect(() => checkTable(gpt, disk(6 * MiB))).not.toThrow();
    expect(() => checkTable(gpt, disk(6 * MiB - 512))).toThrow('choose a larger disk');
  });
});

describe.skipIf(!canPartition)('the MBR of an image (needs sfdisk)', () => {
  const mbr = canPartition ? image('label: dos\nsize=2M\nsize=3M\n') : Buffer.alloc(0);

  it('must have its partitions on the disk, whose sectors have 512 bytes', () => {
    expect(hasTable(mbr)).toBe(true);
    expect(() => checkTable(mbr, disk(64 * MiB))).not.toThrow();
    expect(() => checkTable(mbr, disk(5 * MiB))).toThrow('choose a larger disk');
    expect(() => checkTable(mbr, disk(64 * MiB, 4096))).toThrow('made for them');
    expect(moveBackup(mbr.subarray(0, MiB), disk(64 * MiB))).toBeUndefined();
  });

  it('is not what a file system’s boot sector is', () => {
    const fat = Buffer.alloc(MiB, 0x20);
    fat.writeUInt16LE(0xaa55, 510);
    expect(hasTable(fat)).toBe(false);
    expect(() => checkTable(fat, disk(MiB))).not.toThrow();
  });
});
