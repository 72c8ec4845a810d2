// A disk with a system on it: the image finds it, says what it is, takes its machine-id for the
// machine's own, and leaves the disk as it was.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makeDisk } from '../../probes/installed-os/disk-images.ts';
import { BootServer, canBoot, directBoot, nic, runsAll, startVm } from '../harness.ts';

const machineId = '0123456789abcdef0123456789abcdef';
const partitionStart = 2048;
const partitionSectors = 64 * 2048;

/** The image of a disk whose first partition is an ext4 file system that holds a system. */
function installedDisk(): string {
  const dir = mkdtempSync(join(tmpdir(), 'dragonfly-disk-'));
  onTestFinished(() => {
    rmSync(dir, { recursive: true });
  });
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

/** A DOS partition table with one Linux partition. */
function writePartitionTable(image: string): void {
  const entry = Buffer.alloc(16);
  entry[4] = 0x83;
  entry.writeUInt32LE(partitionStart, 8);
  entry.writeUInt32LE(partitionSectors, 12);
  const file = openSync(image, 'r+');
  writeSync(file, entry, 0, 16, 446);
  writeSync(file, Buffer.of(0x55, 0xaa), 0, 2, 510);
  closeSync(file);
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

it.skipIf(!canBoot)('the system on the disk is found, and its machine-id counts', async () => {
  const disk = installedDisk();
  const before = hashOf(disk);
  const server = await BootServer.start();
  const drive = ['-drive', `if=none,id=os,format=raw,file=${disk}`];
  const vm = startVm([
    ...directBoot(server),
    ...nic('virtio-net-pci', '52:54:00:00:03:01'),
    ...[...drive, '-device', 'virtio-blk-pci,drive=os,serial=OS-DISK'],
  ]);
  const { request } = await server.checkin(vm);
  await vm.stop();
  expect(request['existing_os']).toMatchObject({
    name: 'Debian GNU/Linux 13 (trixie)',
    hostname: 'node7',
    machine_id: machineId,
    device: '/dev/vda1',
    kernel_path: '/boot/vmlinuz-6.12.0-1-amd64',
    initrd_path: '/boot/initrd.img-6.12.0-1-amd64',
  });
  expect(request['machine_id']).toBe(machineId);
  expect(request['problems']).toEqual([]);
  expect(hashOf(disk)).toBe(before);
});

it.skipIf(!runsAll)(
  'the system on a logical volume on a mirror is found, and nothing is opened',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'dragonfly-lvm-'));
    const made = makeDisk(dir, 'disk', { isMirror: true, isLvm: true });
    if ('missing' in made) throw new Error(`no disk could be made: ${made.missing}`);
    execFileSync('losetup', ['--detach', made.device]);
    onTestFinished(() => {
      rmSync(dir, { recursive: true });
    });
    const disk = join(dir, 'whole');
    // A RAID is looked for on partitions.
    writeFileSync(
      disk,
      Buffer.concat([Buffer.alloc(partitionStart * 512), readFileSync(made.file)]),
    );
    writePartitionTable(disk);
    const before = hashOf(disk);
    const server = await BootServer.start();
    const drive = ['-drive', `if=none,id=os,format=raw,file=${disk}`];
    const vm = startVm([
      ...directBoot(server),
      ...nic('virtio-net-pci', '52:54:00:00:03:02'),
      ...[...drive, '-device', 'virtio-blk-pci,drive=os,serial=LVM-DISK'],
    ]);
    const { request } = await server.checkin(vm);
    await vm.stop();
    expect(request['existing_os']).toMatchObject({
      name: 'Debian GNU/Linux 13 (trixie)',
      machine_id: machineId,
      device: '/dev/vda1',
      kernel_path: '/boot/vmlinuz-6.12.0',
    });
    expect(request['machine_id']).toBe(machineId);
    expect(request['problems']).toMatchObject([{ code: 'probe.opaque' }]);
    expect(hashOf(disk)).toBe(before);
  },
);
