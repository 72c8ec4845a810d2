// Finds a disk's transport and type.
import type { Disk } from '../../model/hardware/disk.ts';
import type { Reading } from '../reading.ts';

interface DiskPlace {
  name: string;
  dir: string;
  /** The real path in /sys/devices. */
  path: string;
  /** The contents of the disk's device directory. */
  entries: readonly string[];
  udev: ReadonlyMap<string, string>;
  vendor: string | undefined;
}

/** The kernel's bus in the device path, the more specific one first: a USB disk is a SCSI disk too. */
const buses: readonly (readonly [RegExp, string])[] = [
  [/\/usb\d+\//, 'usb'],
  [/\/session\d+\//, 'iscsi'],
  [/\/rport-[\d:-]+\//, 'fc'],
  [/\/ata\d+\//, 'sata'],
  [/\/end_device-|\/sas_device|\/expander-/, 'sas'],
  [/\/mmc_host\//, 'mmc'],
  [/ufshc/, 'ufs'],
  [/\/virtio\d+\//, 'virtio'],
  [/\/vbd-\d+\//, 'xen'],
  [/\/css\d+\//, 'ccw'],
  [/\/host\d+\/target/, 'scsi'],
];

/** "nvme", "sata", "sas", "usb", "fc", "iscsi", …; NVMe over a fabric names it: "nvme-tcp". A card in a slot is "sd",
 *  and memory that is soldered to the board "mmc". */
export async function diskTransport(read: Reading, disk: DiskPlace): Promise<string | undefined> {
  if (disk.name.startsWith('nvme')) return await nvmeTransport(read, disk);
  const bus = buses.find(([pattern]) => pattern.test(disk.path))?.[1] ?? fromUdev(disk.udev);
  if (bus === 'mmc' && (await read.quietly().value(`${disk.dir}/device/type`)) === 'SD')
    return 'sd';
  // The controller speaks SCSI to the kernel and SATA to the disk.
  const isAta = disk.vendor === 'ATA' && disk.udev.get('ID_BUS') === 'ata';
  return bus === 'scsi' && isAta ? 'sata' : bus;
}

async function nvmeTransport(read: Reading, { dir, entries }: DiskPlace): Promise<string> {
  const own = entries.includes('transport')
    ? await read.value(`${dir}/device/transport`)
    : undefined;
  // The device of a multipath disk is the subsystem; its controllers know the transport.
  const controller = entries.find((name) => /^nvme\d+$/.test(name));
  const transport =
    own ?? (controller && (await read.value(`${dir}/device/${controller}/transport`)));
  return transport === undefined || transport === 'pcie' ? 'nvme' : `nvme-${transport}`;
}

function fromUdev(udev: ReadonlyMap<string, string>): string | undefined {
  const path = udev.get('ID_PATH') ?? '';
  const named = /-(sas|fc|ata|usb|iscsi|nvme|virtio)-/.exec(`${path}-`)?.[1] ?? udev.get('ID_BUS');
  return named === 'ata' ? 'sata' : named;
}

/** Transports whose `rotational` comes from the disk itself. Virtual disks always say 1, and USB bridges
 *  do not know. */
const honest = new Set(['sata', 'sas', 'fc', 'iscsi', 'scsi', 'mmc', 'sd', 'ufs']);

export function diskType(
  transport: string | undefined,
  isRotational: boolean | undefined,
): Disk['type'] {
  if (transport?.startsWith('nvme')) return 'nvme';
  if (isRotational === undefined) return null;
  if (!isRotational) return 'ssd';
  return honest.has(transport ?? '') ? 'hdd' : null;
}
