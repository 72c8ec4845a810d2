// A system to install that is small enough to be emulated quickly: Debian's kernel, busybox, and one script that
// reports. It boots by UEFI on either processor and from any sectors, and by a BIOS where there is one.
import { cpSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { architectures, type Arch } from '../../initramfs/arch.ts';
import {
  addLoaders,
  efiPartition,
  rootLabel,
  rootPartition,
} from '../../initramfs/debian/loaders.ts';
import { packCpio } from '../../initramfs/content/image-files.ts';
import { moduleDependencies } from '../../initramfs/content/modules.ts';
import { Apt } from '../../initramfs/content/packages.ts';
import { run } from '../../initramfs/tools.ts';
import type { TemplateAction } from '../../src/model/documents/template.ts';
import { partitionFile } from '../actions/images.ts';

const rootMiB = 40;
const MiB = 1024 * 1024;

/** The file that holds the address to report to. */
const reportPath = '/etc/report-url';

/** In the order in which they are loaded, after those that each depends on. */
const modules = [
  'crypto/crc32c_generic',
  'fs/ext4/ext4',
  'drivers/virtio/virtio_pci',
  'drivers/net/virtio_net',
  'drivers/block/virtio_blk',
  'drivers/scsi/sd_mod',
  'drivers/scsi/virtio_scsi',
  'drivers/scsi/megaraid/megaraid_sas',
  'drivers/nvme/host/nvme',
] as const;

/** The first program of the system. QEMU's user network has this host at a fixed address. */
const init = `#!/bin/busybox sh
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs dev /dev
for module in $($bb cat /modules/order); do $bb insmod /modules/$module; done
disk=
until [ -n "$disk" ]; do
  for device in /dev/vda3 /dev/sda3 /dev/nvme0n1p3; do
    [ -b $device ] && $bb mount -t ext4 -o ro $device /root && disk=$device
  done
  $bb sleep 1
done
$bb ip link set eth0 up
$bb ip address add 10.0.2.15/24 dev eth0
until $bb wget -q -O /dev/null --post-data= "$($bb cat /root${reportPath})"; do $bb sleep 1; done
echo "the small system has reported from $disk"
while :; do $bb sleep 1000; done
`;

/** The image of the small system, as a file in a folder. */
export function makeSmallSystem(arch: Arch, sectorBytes: 512 | 4096, folder: string): string {
  const apt = new Apt(arch);
  apt.update();
  const raw = join(folder, `small-${arch}-${sectorBytes}.raw`);
  const root = join(folder, 'root');
  for (const dir of ['etc', 'boot/grub']) mkdirSync(join(root, dir), { recursive: true });
  writeFileSync(join(root, 'etc/os-release'), 'ID=debian\nPRETTY_NAME="Small Debian"\n');
  // That of the modules: Debian may have a newer one than when the netboot image was built.
  const kernel = apt.fetch(apt.dependencyOf(`linux-image-${architectures[arch].debian}`));
  const version = kernel.name.replace('linux-image-', '');
  cpSync(join(kernel.root, 'boot', `vmlinuz-${version}`), join(root, 'boot/kernel'));
  const initrd = packInitrd(apt, kernel.root, version, join(folder, 'initrd'));
  writeFileSync(join(root, 'boot/initrd'), initrd);
  truncateSync(createdFile(raw), (rootPartition.startMiB + rootMiB + 1) * MiB);
  const at = (mib: number): string => String((mib * MiB) / sectorBytes);
  const table = [
    'label: gpt',
    `start=${at(1)}, size=${at(1)}, type=21686148-6449-6E6F-744E-656564454649`,
    `start=${at(efiPartition.startMiB)}, size=${at(efiPartition.sizeMiB)}, type=U`,
    `start=${at(rootPartition.startMiB)}, size=${at(rootMiB)}, type=L`,
  ];
  partitionFile(raw, `${table.join('\n')}\n`, sectorBytes);
  addLoaders(raw, folder, apt, {
    arch,
    sectorBytes,
    kernel: '/boot/kernel',
    initrd: '/boot/initrd',
  });
  cpSync(join(folder, 'grub.cfg'), join(root, 'boot/grub/grub.cfg'));
  const place = `offset=${rootPartition.startMiB * MiB},lazy_itable_init=0`;
  run('mkfs.ext4', [
    '-q',
    '-F',
    '-b',
    '4096',
    '-L',
    rootLabel,
    '-d',
    root,
    '-E',
    place,
    raw,
    `${rootMiB}M`,
  ]);
  return raw;
}

function createdFile(path: string): string {
  writeFileSync(path, '');
  return path;
}

function packInitrd(apt: Apt, kernelRoot: string, version: string, folder: string): Buffer {
  for (const dir of ['bin', 'dev', 'proc', 'sys', 'root', 'modules']) {
    mkdirSync(join(folder, dir), { recursive: true });
  }
  const busybox = apt.fetch('busybox-static');
  cpSync(join(busybox.root, 'bin/busybox'), join(folder, 'bin/busybox'));
  symlinkSync('busybox', join(folder, 'bin/sh'));
  writeFileSync(join(folder, 'init'), init, { mode: 0o755 });
  const from = join(kernelRoot, 'lib/modules', version);
  const dependencies = moduleDependencies(kernelRoot, version);
  const order = modules.flatMap((name) => {
    const file = [...dependencies.keys()].find((path) => path.startsWith(`kernel/${name}.ko`));
    // Built into this kernel.
    if (file === undefined) return [];
    return [...(dependencies.get(file) ?? []).toReversed(), file];
  });
  for (const file of order) cpSync(join(from, file), join(folder, 'modules', basename(file)));
  const names = [...new Set(order.map((file) => basename(file)))];
  writeFileSync(join(folder, 'modules/order'), `${names.join('\n')}\n`);
  return zstdCompressSync(packCpio(folder));
}

/** The actions that install it: the system reports. */
export function smallSystemActions(
  url: string,
  more: Partial<Extract<TemplateAction, { action: 'image2disk' }>> = {},
): TemplateAction[] {
  return [
    { action: 'image2disk', url, disk: 'auto', ...more },
    { action: 'writefile', target: 'root', path: reportPath, content: '{{ phone_home_url }}\n' },
    { action: 'efibootmgr' },
    { action: 'reboot' },
  ];
}
