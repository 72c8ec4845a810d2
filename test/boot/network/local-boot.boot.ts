// The way to the disk by a loader from the server: for each firmware, a disk that only says that it was started.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { localDiskScript } from '../../../src/netboot/boot-script.ts';
import { temporaryDirectory } from '../../server/harness.ts';
import { BootServer, bootDir, runsAll, startVm } from '../harness.ts';
import { biosDisk, efiDisk, nextDisk, says } from '../speaking-disk.ts';

const can =
  runsAll && ['local.efi', 'local.pxe'].every((name) => existsSync(join(bootDir, 'x86_64', name)));
it.skipIf(!can).each([
  ['UEFI', true, efiDisk],
  ['BIOS', false, biosDisk],
] as const)('chain starts the loader on the disk: %s', async (_name, uefi, make) => {
  const server = await BootServer.start();
  const folder = temporaryDirectory();
  const disk = join(folder, 'disk.img');
  make(disk);
  // Without the script's end, which has the firmware go on to the disk by itself.
  const script = localDiskScript('chain', server.guestUrl).replace(/exit 1\n$/, 'sleep 600\n');
  writeFileSync(join(folder, 'start.ipxe'), script);
  const vm = startVm(
    [
      ...['-machine', 'q35', '-netdev', `user,id=n0,tftp=${folder},bootfile=start.ipxe`],
      ...['-device', 'virtio-net-pci,netdev=n0,bootindex=0'],
      // UEFI shows those disks alone that it may boot from itself.
      ...nextDisk(disk),
    ],
    { uefi },
  );
  const { input } = await vm.waitFor(new RegExp(says), 120_000);
  expect(script).toContain('sleep 600');
  expect(input.includes('Starting (hd0)/EFI/debian/grubx64.efi')).toBe(uefi);
});

it.skipIf(!runsAll).each([
  ['boots the first disk that it can', true],
  ['starts over where none boots', false],
])('a BIOS %s (20 s)', async (_name, isThere) => {
  const folder = temporaryDirectory();
  const [empty, disk] = [join(folder, 'empty.img'), join(folder, 'disk.img')];
  writeFileSync(empty, Buffer.alloc(1 << 20));
  if (isThere) biosDisk(disk);
  writeFileSync(join(folder, 'start.ipxe'), localDiskScript('default', 'http://10.0.2.2'));
  const vm = startVm([
    ...['-machine', 'q35', '-netdev', `user,id=n0,tftp=${folder},bootfile=start.ipxe`],
    ...['-device', 'virtio-net-pci,netdev=n0,bootindex=0', ...nextDisk(empty)],
    ...(isThere ? ['-drive', `if=virtio,format=raw,file=${disk}`] : []),
    '-no-reboot',
  ]);
  if (isThere) await vm.waitFor(new RegExp(says), 120_000);
  else await vm.ended;
  expect(vm.console).not.toContain('No bootable device');
});
