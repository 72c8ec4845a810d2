// Ways into the image in QEMU: from the network by the card's ROM, which is iPXE, or handed over by QEMU itself.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../src/core/errors.ts';
import { imageParameters } from '../../src/netboot/boot-parameters.ts';

const roms = '/usr/lib/ipxe/qemu';

/** A file that is there where QEMU has iPXE. */
export const anyRom = `${roms}/efi-e1000.rom`;

/** Errors: AppError `usage.invalid` for a network card that cannot boot. */
export function requireRom(nic: string): void {
  if (existsSync(`${roms}/efi-${romName(nic)}.rom`)) return;
  throw new AppError('usage.invalid', `--nic ${nic}: iPXE has no ROM for it in ${roms}`);
}

/** One ROM serves a family of cards: "virtio-net-pci-transitional" has "virtio". */
function romName(nic: string): string {
  const [family = nic] = nic.split('-');
  return family.startsWith('i82') ? 'eepro100' : family;
}

/** QEMU's arguments for a machine that boots from a server. iPXE loads a script by TFTP, from `folder`, and
 *  from there all by HTTP. QEMU's user network shows this host's loopback to the guest as 10.0.2.2. */
export function fromNetwork(folder: string, url: string, nic: string): string[] {
  const first = `#!ipxe\nchain --replace --autofree ${url}/boot/start.ipxe\n`;
  writeFileSync(join(folder, 'start.ipxe'), first);
  return [
    ...['-machine', 'q35', '-netdev', `user,id=n0,tftp=${folder},bootfile=start.ipxe`],
    ...['-device', `${nic},netdev=n0,bootindex=0`],
  ];
}

/** QEMU's arguments that hand over the image in a folder, with the parameters that every boot script has and these. */
export function handedOver(folder: string, parameters: string): string[] {
  return [
    ...['-kernel', join(folder, 'kernel'), '-initrd', join(folder, 'initramfs')],
    ...['-append', `${imageParameters.join(' ')} dragonfly.mode=discovery ${parameters}`],
  ];
}
