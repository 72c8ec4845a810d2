// Findings about devices: a wired NIC and a disk to install on, and what keeps them from showing up.
import type { Facts } from '../model/inventory.ts';
import type { Reading } from '../probes/reading.ts';
import { fail, pass, warn, type Finding } from './finding.ts';
import type { KernelLog } from './kernel-log.ts';
import { modulesFor } from './modules-alias.ts';

const base = '/sys/bus/pci/devices';

interface PciDevice {
  address: string;
  /** "020000" */
  deviceClass: string;
  /** "8086:1533" */
  id: string;
  hasDriver: boolean;
  /** The modalias, by which the kernel looks up a driver. */
  modalias: string;
}

/** Lists the devices with a modalias. The kernel gives every device one, but a capture may lack it.
 *  Source: class, vendor, device, driver and modalias in /sys/bus/pci/devices. */
export async function readPciDevices(read: Reading): Promise<PciDevice[]> {
  const addresses = (await read.list(base)) ?? [];
  const devices = await Promise.all(
    addresses.map(async (address) => {
      const directory = `${base}/${address}`;
      const [deviceClass, vendor, device, driver, modalias] = await Promise.all([
        read.value(`${directory}/class`),
        read.value(`${directory}/vendor`),
        read.value(`${directory}/device`),
        read.link(`${directory}/driver`),
        read.value(`${directory}/modalias`),
      ]);
      const id = [vendor, device].map((part) => part?.replace(/^0x/, '') ?? '????').join(':');
      return {
        address,
        deviceClass: deviceClass?.replace(/^0x/, '') ?? '',
        id,
        hasDriver: driver !== undefined,
        modalias: modalias ?? '',
      };
    }),
  );
  return devices.filter((device) => device.modalias !== '');
}

/** Ports fit for provisioning: not USB, not a dock's, not the BMC's, not wireless. */
export function wiredNics(facts: Partial<Facts>): Facts['network']['interfaces'] {
  const interfaces = facts.network?.interfaces ?? [];
  return interfaces.filter(
    (nic) =>
      nic.kind === 'ethernet' && ![nic.is_usb, nic.is_docked, nic.is_bmc, nic.is_vf].includes(true),
  );
}

const unread = 'could not be determined';
const nextForUnread = 'run it as root; "dragonfly-agent inventory" names what could not be read';

export async function nicFindings(
  read: Reading,
  facts: Partial<Facts>,
  devices: readonly PciDevice[],
  log: KernelLog | undefined,
): Promise<Finding[]> {
  const nics = wiredNics(facts);
  const idle = devices.filter((device) => device.deviceClass.startsWith('02') && !device.hasDriver);
  const names = nics.map((nic) => `${nic.name} (${nic.driver ?? 'driver not known'})`).join(', ');
  const found =
    nics.length > 0
      ? pass('wired NIC', names)
      : facts.network === undefined
        ? fail('wired NIC', unread, nextForUnread)
        : fail('wired NIC', 'none was found', nextForNoNic(facts, idle.length));
  const verdict = nics.length > 0 ? warn : fail;
  const drivers = await Promise.all(
    idle.map(async (device) => {
      const text = `${device.address} [${device.id}] has no driver`;
      return verdict('NIC driver', text, await nextForDriver(read, device, log));
    }),
  );
  const firmware = (log?.missingFirmware ?? []).map(({ file, line }) =>
    warn(
      'firmware',
      `a driver asked for ${file}, which is missing: ${line.replace(/^\[.*?\]\s*/, '')}`,
      `put ${file} into /lib/firmware and load the driver again`,
    ),
  );
  return [found, ...drivers, ...firmware];
}

function nextForNoNic(facts: Partial<Facts>, idleCount: number): string {
  if (idleCount > 0) return 'load the driver named below';
  return (facts.network?.interfaces.length ?? 0) > 0
    ? 'USB, BMC and wireless ports do not count: enable a port on the board or add a card'
    : 'enable the port in the firmware setup, or check that the card sits in its slot';
}

/** Finds the module for a device in the kernel's own table, or asks modprobe if the image lacks the
 *  table's text form. */
async function nextForDriver(
  read: Reading,
  { modalias, address }: PciDevice,
  log: KernelLog | undefined,
): Promise<string> {
  const release = await read.value('/proc/sys/kernel/osrelease');
  const table = release && (await read.text(`/lib/modules/${release}/modules.alias`));
  const modules = table
    ? modulesFor(modalias, table)
    : ((await read.exec('modprobe', ['-R', modalias])) ?? '').split('\n').filter(Boolean);
  const firmware = log?.missingFirmware.find(({ line }) => line.includes(address));
  if (firmware) return `put the firmware ${firmware.file} into /lib/firmware`;
  return modules.length > 0
    ? `load its module: modprobe ${modules.join(' or ')}`
    : `this kernel (${release ?? 'release not known'}) has no module for ${modalias}: use a newer or fuller image`;
}

/** SCSI, IDE, SATA, SAS, NVMe and RAID controllers; Intel's VMD is of the RAID class. */
const storageClass = /^01(0[0-9]|80)/;

export async function diskFindings(
  read: Reading,
  facts: Partial<Facts>,
  devices: readonly PciDevice[],
  log: KernelLog | undefined,
): Promise<Finding[]> {
  const targets = (facts.disks ?? []).filter(
    (disk) =>
      !disk.virtual_media && !disk.read_only && !disk.removable && disk.zoned !== 'host-managed',
  );
  const idle = devices.filter(
    (device) => storageClass.test(device.deviceClass) && !device.hasDriver,
  );
  const count = targets.length;
  const disks =
    count > 0
      ? pass('disks', targets.map((disk) => disk.device).join(', '))
      : facts.disks === undefined
        ? fail('disks', unread, nextForUnread)
        : fail(
            'disks',
            'no disk to install on',
            idle.length > 0
              ? 'load the driver named below'
              : 'check cables and backplane; a RAID controller shows no disk until a volume or JBOD is set up',
          );
  const controllers = await Promise.all(
    idle.map(async (device) => {
      const kind = isVmd(device) ? 'Intel VMD controller' : 'storage controller';
      const text = `${kind} ${device.address} [${device.id}] has no driver: its disks are hidden`;
      return (count > 0 ? warn : fail)('disk driver', text, await nextForDriver(read, device, log));
    }),
  );
  const hidden = log?.hiddenNvmeDisks ?? 0;
  const remapped = warn(
    'disk driver',
    `${hidden} NVMe disks are hidden behind the SATA controller's RAID mode`,
    'set the SATA mode to AHCI in the firmware setup',
  );
  return [disks, ...controllers, ...(hidden > 0 ? [remapped] : [])];
}

function isVmd({ id }: PciDevice): boolean {
  return /^8086:(201d|28c0|467f|4c3d|7d0b|9a0b|a77f|ad0b|b06f|b60b)$/.test(id);
}
