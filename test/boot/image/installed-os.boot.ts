// A disk with a system on it: the image finds it, says what it is, takes its machine-id for the
// machine's own, and leaves the disk as it was.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makeDisk } from '../../probes/installed-os/disk-images.ts';
import { BootServer, canBoot, directBoot, nic, runsAll, startVm } from '../harness.ts';
import {
  installedDisk,
  machineId,
  partitionStart,
  writePartitionTable,
} from '../installed-disk.ts';

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
