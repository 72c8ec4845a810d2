// A disk with a system that is only looked at: it has the files that tell of one, and boots nothing.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../server/harness.ts';

export const machineId = '0123456789abcdef0123456789abcdef';
export const partitionStart = 2048;
const partitionSectors = 64 * 2048;

/** The image of a disk whose first partition is an ext4 file system that holds a system. */
export function installedDisk(): string {
  const dir = temporaryDirectory();
  const root = join(dir, 'root');
  for (const name of ['etc', 'boot']) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, 'etc/os-release'), 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n');
  writeFileSync(join(root, 'etc/machine-id'), `${machineId}\n`);
  writeFileSync(join(root, 'etc/hostname'), 'node7\n');
  writeFileSync(join(root, 'boot/vmlinuz-6.12.0-1-amd64'), '');
  writeFileSync(join(root, 'boot/initrd.img-6.12.0-1-amd64'), '');
  const image = join(dir, 'disk');
  writeFileSync(image, Buffer.alloc((partitionStart + partitionSectors) * 512));
  writePartitionTable(image);
  const offset = `offset=${partitionStart * 512}`;
  const size = `${partitionSectors / 2}k`;
  execFileSync('mkfs.ext4', ['-q', '-F', '-d', root, '-E', offset, image, size], { stdio: 'pipe' });
  return image;
}

/** Writes a DOS partition table with one Linux partition. */
export function writePartitionTable(image: string): void {
  const entry = Buffer.alloc(16);
  entry[4] = 0x83;
  entry.writeUInt32LE(partitionStart, 8);
  entry.writeUInt32LE(partitionSectors, 12);
  const file = openSync(image, 'r+');
  writeSync(file, entry, 0, 16, 446);
  writeSync(file, Buffer.of(0x55, 0xaa), 0, 2, 510);
  closeSync(file);
}
