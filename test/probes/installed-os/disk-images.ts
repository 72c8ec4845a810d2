// Disks for tests: images that real tools make, on loop devices. Each holds one small system, on the disk itself, on a
// logical volume, on a mirror, or on a logical volume on a mirror.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export const machineId = '0123456789abcdef0123456789abcdef';

const mib = 2 ** 20;
const size = 64 * mib;

export function run(tool: string, ...args: string[]): string {
  const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  return execFileSync(tool, args, {
    encoding: 'utf8',
    env: { ...process.env, PATH, LVM_SUPPRESS_FD_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

export interface Layout {
  isMirror: boolean;
  isLvm: boolean;
}

export interface DiskImage {
  file: string;
  device: string;
  /** The id of the file system that holds the system. */
  uuid: string;
}

/** A loop device over an image, or the reason why there is none. */
export function makeDisk(
  folder: string,
  name: string,
  { isMirror, isLvm }: Layout,
): DiskImage | { missing: string } {
  const file = join(folder, name);
  const loops: string[] = [];
  const loop = (from: string, offset: number): string => {
    const device = run('losetup', '--find', '--show', '--offset', String(offset), from);
    loops.push(device);
    return device;
  };
  try {
    writeFileSync(file, '');
    truncateSync(file, size);
    if (isMirror) writeSuperblock(file);
    const start = isMirror ? mirrorStart : 0;
    const at = isLvm ? makeVolumes(loop(file, start)) : { root: 0, boot: undefined };
    const root = loop(file, start + at.root);
    const boot = at.boot === undefined ? undefined : loop(file, start + at.boot);
    putSystem(root, boot, join(folder, `${name}-mount`));
    const uuid = uuidOf(root);
    for (const device of loops.splice(0).toReversed()) run('losetup', '--detach', device);
    return { file, device: loop(file, 0), uuid };
  } catch (err) {
    for (const device of loops.toReversed()) run('losetup', '--detach', device);
    return { missing: err instanceof Error ? (err.message.split('\n')[0] ?? '') : 'unknown' };
  }
}

function uuidOf(device: string): string {
  return run('blkid', '--match-tag', 'UUID', '--output', 'value', device);
}

/** A system whose /boot is a directory, or the file system of another device. */
function putSystem(root: string, boot: string | undefined, mount: string): void {
  run('mkfs.ext4', '-q', root, '16M');
  mkdirSync(mount);
  if (boot !== undefined) {
    run('mkfs.ext4', '-q', '-O', '^has_journal', boot, '8M');
    mounted(boot, mount, () => writeFileSync(join(mount, 'vmlinuz-6.12.0'), ''));
  }
  mounted(root, mount, () => {
    for (const name of ['etc', 'boot']) mkdirSync(join(mount, name));
    const osRelease = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n';
    writeFileSync(join(mount, 'etc/os-release'), osRelease);
    writeFileSync(join(mount, 'etc/machine-id'), `${machineId}\n`);
    if (boot === undefined) writeFileSync(join(mount, 'boot/vmlinuz-6.12.0'), '');
    else writeFileSync(join(mount, 'etc/fstab'), `UUID=${uuidOf(boot)} /boot ext4 defaults 0 2\n`);
  });
}

function mounted(device: string, mount: string, use: () => void): void {
  run('mount', device, mount);
  try {
    use();
  } finally {
    run('umount', mount);
  }
}

/** A group of three volumes: one for /boot, one in two pieces, one for the system. Returns where they begin. No volume
 *  is activated, as a host without device-mapper can do it. */
function makeVolumes(device: string): { root: number; boot: number } {
  const only = ['--driverloaded', 'n', '-q', '--devices', device];
  const make = (name: string, extents: number): string =>
    run('lvcreate', ...only, '-an', '-Zn', '-Wn', '-n', name, '-l', String(extents), group);
  const group = `df-test${process.pid}`;
  run('pvcreate', ...only, device);
  run('vgcreate', ...only, group, device);
  make('boot', 2);
  make('data', 2);
  make('root', 5);
  run('lvextend', ...only, '-l', '+2', `${group}/data`);
  const told = run(
    'pvs',
    ...only,
    '--noheadings',
    '--segments',
    '-o',
    'lv_name,seg_start_pe,pvseg_start,pe_start',
    '--units',
    'b',
    '--nosuffix',
    device,
  );
  const startOf = (name: string): number => {
    const line = new RegExp(`^\\s*${name}\\s.*$`, 'm').exec(told)?.[0] ?? '';
    const [, , first, start] = line.trim().split(/\s+/);
    return Number(start) + Number(first) * 4 * mib;
  };
  return { root: startOf('root'), boot: startOf('boot') };
}

/** The data of the mirror begins here. */
const mirrorStart = mib;

/** The superblock of the first member of a mirror of two, as mdadm writes it. This host may have no md driver.
 *  Source: linux/raid/md_p.h. */
function writeSuperblock(file: string): void {
  const bytes = Buffer.alloc(256 + 2 * 128);
  bytes.writeUInt32LE(0xa9_2b_4e_fc, 0);
  bytes.writeUInt32LE(1, 4);
  bytes.set(
    Array.from({ length: 16 }, (_, i) => i + 0x20),
    16,
  );
  bytes.write('node7:0', 32);
  bytes.writeUInt32LE(1, 72);
  const sectors = BigInt((size - mirrorStart) / 512);
  bytes.writeBigUInt64LE(sectors, 80);
  bytes.writeUInt32LE(2, 92);
  bytes.writeBigUInt64LE(BigInt(mirrorStart / 512), 128);
  bytes.writeBigUInt64LE(sectors, 136);
  bytes.writeBigUInt64LE(8n, 144);
  bytes.writeBigUInt64LE(17n, 200);
  bytes.writeBigUInt64LE(2n ** 64n - 1n, 208);
  bytes.writeUInt32LE(128, 220);
  bytes.fill(0xff, 256);
  bytes.writeUInt16LE(0, 256);
  bytes.writeUInt16LE(1, 258);
  bytes.writeUInt32LE(checksumOf(bytes), 216);
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, 0, bytes.length, 4096);
  closeSync(fd);
}

/** The sum of all words, its carry added. */
function checksumOf(bytes: Buffer): number {
  let sum = 0n;
  for (let at = 0; at < bytes.length; at += 4) sum += BigInt(bytes.readUInt32LE(at));
  return Number((sum & 0xff_ff_ff_ffn) + (sum >> 32n)) >>> 0;
}
