// Installs images on loop devices, and looks at what is on them afterwards.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { ActionContext, Fields } from '../../src/actions/action.ts';
import { image2disk } from '../../src/actions/image2disk.ts';
import { canLoop, has, loopDisk, type LoopDisk } from '../sources/writing/loop.ts';
import { gptImage, scratch } from './images.ts';
import { fileServer, MiB, workplace, type ServedFile } from './workplace.ts';

const programs = [
  'sfdisk',
  'sgdisk',
  'partx',
  'wipefs',
  'mkfs.ext4',
  'qemu-img',
  'xz',
  'bzip2',
  'zstd',
];
export const canInstall = canLoop && programs.every(has);
export const needs = '(needs root, loop devices and disk tools)';

const diskBytes = 20 * MiB;

export function makeImage(sizeMiB: number, sectorBytes = 512): Buffer {
  using files = scratch();
  return gptImage(files.path('raw'), sizeMiB, sectorBytes);
}

export async function install(
  disk: LoopDisk,
  file: ServedFile | Record<string, ServedFile>,
  fields: Partial<Fields<'image2disk'>> = {},
  context: Partial<ActionContext> = {},
) {
  const files = 'body' in file && Buffer.isBuffer(file.body) ? { image: file as ServedFile } : file;
  await using server = await fileServer(files as Record<string, ServedFile>);
  const place = workplace(disk.path, context);
  const { checksum } = fields;
  const given = checksum === 'SHA256SUMS' ? { checksum: `${server.url}/SHA256SUMS` } : {};
  try {
    const url = `${server.url}/image`;
    const report = await image2disk.run({ action: 'image2disk', url, ...fields, ...given }, place);
    return { report, place, requests: server.requests };
  } finally {
    execFileSync('blockdev', ['--flushbufs', disk.path]);
  }
}

/** A disk with the partitions of another system, and something everywhere. */
export function usedDisk(sizeBytes = diskBytes, sectorBytes = 512): LoopDisk {
  const disk = loopDisk(sizeBytes, sectorBytes);
  writeFileSync(disk.image, Buffer.alloc(sizeBytes, 'x'), { flag: 'r+' });
  const script = 'label: gpt\nsize=3M\nsize=3M\n';
  execFileSync('/usr/sbin/sfdisk', ['--quiet', '--no-reread', disk.path], {
    input: script,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  execFileSync('partx', ['--update', disk.path]);
  execFileSync('/usr/sbin/mkfs.ext4', ['-q', `${disk.path}p2`]);
  execFileSync('blockdev', ['--flushbufs', disk.path]);
  return disk;
}

/** That the image is on the disk, with a GPT that fits. */
export function expectInstalled(disk: LoopDisk, wanted: Buffer, sectorBytes = 512): void {
  const found = readFileSync(disk.image);
  // But for the GPT's header, and its backup, which leaves the end of the image where the disk is larger.
  const [from, to] = [2 * sectorBytes, wanted.length - sectorBytes];
  expect(found.subarray(from, to).equals(wanted.subarray(from, to))).toBe(true);
  const verdict = execFileSync('/usr/sbin/sgdisk', ['--verify', disk.path], { encoding: 'utf8' });
  expect(verdict).toContain('No problems found');
}

/** That no firmware finds anything to boot. */
export function expectUnbootable(disk: LoopDisk): void {
  const file = openSync(disk.image, 'r');
  for (const at of [0, statSync(disk.image).size - MiB]) {
    const end = Buffer.alloc(MiB);
    readSync(file, end, 0, MiB, at);
    expect(end.every((byte) => byte === 0)).toBe(true);
  }
  closeSync(file);
}

/** Remembers what is on a disk, to see that it stays. */
export function untouched(disk: LoopDisk): () => void {
  const before = readFileSync(disk.image);
  return () => expect(readFileSync(disk.image).equals(before)).toBe(true);
}
