// Whole disks: no partitions, no loop, RAM or device-mapper devices.
import type { Disk } from '../../model/hardware/disk.ts';
import { isPlaceholderWwn } from '../../identity/placeholders.ts';
import { isVirtualMedia } from './virtual-media.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';
import {
  chooseModel,
  chooseSerial,
  parseAtaIdentity,
  parseRotationRate,
  parseVpdSerial,
} from './disk-identity.ts';
import { diskTransport, diskType } from './disk-transport.ts';
import { parseUdevData } from './udev-data.ts';
import { usbDevicePath } from '../sysfs/usb-device.ts';
import { wholeDisks, type WholeDisk } from './whole-disks.ts';

const base = '/sys/block';

/** Source: /sys/block, and the udev database (/run/udev/data) for values that the kernel cuts or lacks.
 *  Every path to a multipath disk is listed, with the names of all its paths. */
export const disksProbe: Probe<'disks'> = {
  name: 'disks',
  async read(root, report) {
    const read = new Reading(root, 'disks', report);
    const whole = await wholeDisks(read);
    if (whole === undefined) return undefined;
    const disks = await Promise.all(whole.map((disk) => readDisk(read, disk)));
    return read.refused(...whole.map(({ name }) => `${base}/${name}`))
      ? undefined
      : withPaths(disks);
  },
};

async function readDisk(read: Reading, whole: WholeDisk): Promise<Disk> {
  const { name, path, bytes, entries, paths } = whole;
  const dir = `${base}/${name}`;
  const [details, identity] = await Promise.all([
    readDetails(read, dir, entries),
    readIdentity(read, dir, entries, usbDevicePath(path)),
  ]);
  const { serial, model, wwn, vendor, product, udev, isRateUnknown } = identity;
  const transport = await diskTransport(read, { name, dir, path, entries, udev, vendor });
  const rotational = details.rotational ?? rotationFromUdev(udev);
  const type = diskType(transport, isRateUnknown ? undefined : rotational);
  return {
    device: `/dev/${name.replaceAll('!', '/')}`,
    size_bytes: bytes,
    model: model ?? null,
    // virtio has the number of a PCI vendor there.
    vendor: vendor === undefined || vendor.startsWith('0x') ? null : vendor,
    serial: serial ?? null,
    wwn: wwn === undefined || isPlaceholderWwn(wwn) ? null : wwn,
    type: believed(type, vendor, model),
    transport: transport ?? null,
    hctl: /\/(\d+:\d+:\d+:\d+)(?=\/|$)/.exec(path)?.[1] ?? null,
    by_path: udev.get('ID_PATH') ?? null,
    removable: details.isRemovable,
    read_only: details.isReadOnly,
    ...(details.zoned === undefined ? {} : { zoned: details.zoned }),
    virtual_media: isVirtualMedia({ transport, model, vendor, product }),
    paths: paths.length > 1 ? paths.map((one) => `/dev/${one}`) : [],
  };
}

interface Details {
  isRemovable: boolean;
  isReadOnly: boolean;
  /** "host-managed" or "host-aware". */
  zoned: string | undefined;
  rotational: boolean | undefined;
}

/** An NVMe disk in an enclosure on Thunderbolt or USB4 has no removable medium, but its PCI function is removable. */
async function readDetails(
  read: Reading,
  dir: string,
  entries: readonly string[],
): Promise<Details> {
  const [removable, readOnly, zoned, rotational, ofFunction] = await Promise.all([
    read.value(`${dir}/removable`),
    read.value(`${dir}/ro`),
    read.value(`${dir}/queue/zoned`),
    read.value(`${dir}/queue/rotational`),
    entries.includes('device') ? read.quietly().value(`${dir}/device/device/removable`) : undefined,
  ]);
  return {
    isRemovable: removable === '1' || ofFunction === 'removable',
    isReadOnly: readOnly === '1',
    zoned: zoned === 'none' ? undefined : zoned,
    rotational: rotational === undefined ? undefined : rotational === '1',
  };
}

/** Revolutions per minute as an ATA disk reports them, 0 for an SSD. */
function rotationFromUdev(udev: ReadonlyMap<string, string>): boolean | undefined {
  const rate = udev.get('ID_ATA_ROTATION_RATE_RPM');
  return rate === undefined ? undefined : rate !== '0';
}

interface Identity {
  serial: string | undefined;
  model: string | undefined;
  vendor: string | undefined;
  /** The USB device's product name. */
  product: string | undefined;
  wwn: string | undefined;
  udev: ReadonlyMap<string, string>;
  /** The disk does not say how fast it rotates, and the kernel takes that for a hard disk. */
  isRateUnknown: boolean;
}

/** Reads only the files that the kernel lists: most devices have few of them. */
async function readIdentity(
  read: Reading,
  dir: string,
  entries: readonly string[],
  usbDevice: string | undefined,
): Promise<Identity> {
  const own = (await read.list(dir)) ?? [];
  const has = (name: string): boolean => entries.includes(name);
  // Memory cards have `name` instead of `model`.
  const modelFile = has('cid') ? 'name' : 'model';
  const udev = await readUdev(read, dir);
  if (has('uid')) return await readVolume(read, dir, udev);
  const [serial, blockSerial, model, vendor, wwid, blockWwid, vpd80, vpd89, vpdB1] =
    await Promise.all([
      has('serial') ? read.value(`${dir}/device/serial`) : undefined,
      own.includes('serial') ? read.value(`${dir}/serial`) : undefined,
      has(modelFile) ? read.value(`${dir}/device/${modelFile}`) : undefined,
      has('vendor') ? read.value(`${dir}/device/vendor`) : undefined,
      has('wwid') ? read.value(`${dir}/device/wwid`) : undefined,
      own.includes('wwid') ? read.value(`${dir}/wwid`) : undefined,
      has('vpd_pg80') ? read.bytes(`${dir}/device/vpd_pg80`) : undefined,
      has('vpd_pg89') && udev.size === 0 ? read.bytes(`${dir}/device/vpd_pg89`) : undefined,
      has('vpd_pgb1') ? read.quietly().bytes(`${dir}/device/vpd_pgb1`) : undefined,
    ]);
  const ata = vpd89 && parseAtaIdentity(vpd89);
  return {
    serial: chooseSerial({
      kernel: serial ?? blockSerial,
      vpd: (vpd80 && parseVpdSerial(vpd80)) ?? ata?.serial,
      udev,
      usb: usbDevice === undefined ? undefined : await read.value(`${usbDevice}/serial`),
    }),
    model: chooseModel({ kernel: model, ata: ata?.model, udev }),
    vendor,
    product:
      usbDevice === undefined ? undefined : await read.quietly().value(`${usbDevice}/product`),
    wwn: blockWwid ?? wwid ?? udev.get('ID_WWN_WITH_EXTENSION') ?? udev.get('ID_WWN'),
    udev,
    isRateUnknown: vpdB1 !== undefined && parseRotationRate(vpdB1) === 0,
  };
}

/** A volume of a mainframe has a name of its own, which its maker, storage server and place there give. What udev calls
 *  its serial number is the label that it was formatted with, and often one for all guests: "0X0200". */
async function readVolume(read: Reading, dir: string, udev: Identity['udev']): Promise<Identity> {
  const [uid, vendor] = await Promise.all([
    read.value(`${dir}/device/uid`),
    read.value(`${dir}/device/vendor`),
  ]);
  const none = { model: undefined, product: undefined, wwn: undefined, isRateUnknown: false };
  return { ...none, serial: uid === '' ? undefined : uid, vendor, udev };
}

async function readUdev(read: Reading, dir: string): Promise<ReadonlyMap<string, string>> {
  const number = await read.value(`${dir}/dev`);
  if (number === undefined || !/^\d+:\d+$/.test(number)) return new Map();
  return parseUdevData((await read.text(`/run/udev/data/b${number}`)) ?? '');
}

/** Disks with one port: two of these are never paths of one disk, however alike a maker named them. */
const singlePorted = new Set(['usb', 'sata', 'mmc', 'sd']);

/** Lists all paths on each multipath disk: the same WWN, serial number and size. */
function withPaths(disks: readonly Disk[]): Disk[] {
  const keyOf = ({ wwn, serial, size_bytes }: Disk): string => `${wwn} ${serial} ${size_bytes}`;
  const byIdentity = Map.groupBy(disks, keyOf);
  return disks.map((disk) => {
    const paths = byIdentity.get(keyOf(disk)) ?? [];
    const isSingle = disk.wwn === null || singlePorted.has(disk.transport ?? '');
    if (isSingle || paths.length < 2) return disk;
    return { ...disk, paths: paths.map(({ device }) => device) };
  });
}

/** Disks that a hypervisor makes. Most say that they rotate; those of VMware and Hyper-V may say either. */
const virtualVendors = /^(?:qemu|google|oracle|nutanix|xensrc)\b/i;
const virtualModels = /^(?:vmware|vbox|qemu|bhyve|virtual hdd)\b/i;

function believed(
  type: Disk['type'],
  vendor: string | undefined,
  model: string | undefined,
): Disk['type'] {
  if (/^(?:vmware|msft)\b/i.test(vendor ?? '')) return null;
  const isVirtual = virtualVendors.test(vendor ?? '') || virtualModels.test(model ?? '');
  return isVirtual && type === 'hdd' ? null : type;
}
