// A system on a logical volume: actions after image2disk find it on the disk that was just written, and leave a disk
// with the same volume group alone. This host's kernel need not have device-mapper.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Apt } from '../../../initramfs/content/packages.ts';
import { partitionFile } from '../../actions/images.ts';
import { canLoop, has, loopDisk } from '../../sources/writing/loop.ts';
import { directBoot, nic, runsAll, startVm } from '../harness.ts';
import { DiskFile, Installer, MiB, scratchFolder } from '../installer.ts';

const partitionAt = MiB;
const rootMiB = 48;
const homeMiB = 16;

/** An image with a volume group of two volumes, and where they are in it. */
function volumeImage(path: string): { readonly root: number; readonly home: number } {
  const folder = scratchFolder();
  const top = join(folder, 'top');
  for (const dir of ['bin', 'etc', 'home', 'proc', 'sys', 'dev', 'run', 'tmp']) {
    mkdirSync(join(top, dir), { recursive: true });
  }
  const apt = new Apt('x64');
  apt.update();
  cpSync(join(apt.fetch('busybox-static').root, 'bin/busybox'), join(top, 'bin/busybox'));
  symlinkSync('busybox', join(top, 'bin/sh'));
  writeFileSync(join(top, 'etc/os-release'), 'ID=test\nPRETTY_NAME="Volumes"\n');
  using disk = loopDisk(96 * MiB);
  partitionFile(disk.image, `label: gpt\nstart=${partitionAt / 512}, type=lvm\n`, 512);
  execFileSync('partx', ['--add', disk.path]);
  const member = `${disk.path}p1`;
  const lvm = (command: string, ...args: string[]): string =>
    execFileSync(
      '/usr/sbin/lvm',
      [command, '--devices', member, '--driverloaded', 'n', '-qq', ...args],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
  lvm('pvcreate', '--yes', member);
  lvm('vgcreate', '--physicalextentsize', '4m', 'system', member);
  for (const [name, mib] of [
    ['root', rootMiB],
    ['home', homeMiB],
  ] as const) {
    const unseen = ['--activate', 'n', '--zero', 'n', '--wipesignatures', 'n'];
    lvm('lvcreate', ...unseen, '--name', name, '--size', `${mib}m`, 'system');
  }
  const uuids = lvm('lvs', '--noheadings', '-o', 'vg_uuid,lv_uuid', 'system/home');
  const id = uuids.replaceAll(/[-\s]/g, '');
  writeFileSync(
    join(top, 'etc/fstab'),
    `/dev/disk/by-id/dm-uuid-LVM-${id} /home ext4 defaults 0 2\n`,
  );
  const start = Number(lvm('pvs', '--noheadings', '--nosuffix', '--units', 'b', '-o', 'pe_start'));
  const root = partitionAt + start;
  const home = root + rootMiB * MiB;
  for (const [offset, mib, content] of [
    [root, rootMiB, ['-d', top]],
    [home, homeMiB, []],
  ] as const) {
    const place = ['-E', `offset=${offset},lazy_itable_init=0`, disk.path, `${mib}M`];
    execFileSync('/usr/sbin/mkfs.ext4', ['-q', '-F', ...content, ...place]);
  }
  execFileSync('blockdev', ['--flushbufs', disk.path]);
  cpSync(disk.image, path);
  return { root, home };
}

/** A file in the ext4 at a place of a disk. */
function fileIn(disk: DiskFile, offset: number, mib: number, path: string): string {
  const copy = join(scratchFolder(), 'volume');
  writeFileSync(copy, disk.read(offset, mib * MiB));
  return execFileSync('/usr/sbin/debugfs', ['-R', `cat ${path}`, copy], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

it.skipIf(!runsAll || !canLoop || !['lvm', 'debugfs', 'mkfs.ext4'].every(has))(
  'a system on a logical volume gets its files, and a copy of it on another disk does not',
  async () => {
    const folder = scratchFolder();
    const places = volumeImage(join(folder, 'volumes.raw'));
    const installer = await Installer.start(folder);
    const [disk, copy] = [new DiskFile(128 * MiB), new DiskFile(96 * MiB)];
    cpSync(join(folder, 'volumes.raw'), copy.path);
    const before = copy.read(0, copy.sizeBytes);
    const drive = (file: DiskFile, serial: string): string[] => [
      ...['-drive', `if=none,id=${serial},file=${file.path},format=raw`],
      ...['-device', `virtio-blk-pci,drive=${serial},serial=${serial}`],
    ];
    const vm = startVm([
      ...directBoot(installer.boots),
      ...['-machine', 'q35', ...nic('virtio-net-pci', '52:54:00:00:0e:01')],
      ...drive(copy, 'COPY'),
      ...drive(disk, 'TARGET'),
    ]);
    const { machine_id: id } = (await installer.boots.checkin(vm)).answer;
    const workflow = await installer.queue(id, [
      {
        action: 'image2disk',
        url: '{{ server }}/images/volumes.raw',
        root_device: { serial: 'TARGET' },
      },
      { action: 'writefile', path: '/etc/hostname', content: 'web1\n' },
      { action: 'chroot' },
      { action: 'writefile', partition: 1, path: '/etc/motd', content: 'again\n' },
    ]);
    expect(await installer.outcome(workflow, vm)).toMatchObject({
      workflow: 'STATE_SUCCESS',
      error: null,
    });
    expect(fileIn(disk, places.root, rootMiB, '/etc/hostname')).toBe('web1\n');
    expect(fileIn(disk, places.root, rootMiB, '/etc/motd')).toBe('again\n');
    // Its journal would say when it was mounted last.
    expect(disk.read(places.home + 1024 + 44, 4).some((byte) => byte !== 0)).toBe(true);
    expect(copy.read(0, copy.sizeBytes).equals(before)).toBe(true);
  },
);
