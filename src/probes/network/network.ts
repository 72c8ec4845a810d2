// Network interfaces that are hardware: Ethernet and WLAN ports, and separately InfiniBand ports.
import type { InfinibandPort, NetworkInterface } from '../../model/hardware/network-interface.ts';
import { readBondMembers, readVlans, type BondMember } from './bonds-and-vlans.ts';
import { isBmcNic } from './bmc-nic.ts';
import { lastPciAddress } from '../sysfs/pci-address.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';
import { parseUevent } from '../sysfs/uevent.ts';
import { usbDevicePath } from '../sysfs/usb-device.ts';
import { baseName } from '../sysfs/base-name.ts';

const base = '/sys/class/net';
/** Linux ARPHRD_* numbers, in /sys/class/net/<name>/type. */
const ethernet = 1;
const infiniband = 32;

/** A NIC is physical if its device is not under /devices/virtual. A virtual function handed to a guest is
 *  listed once, under the name of the interface above it.
 *  Source: /sys/class/net, /proc/net/bonding, /proc/net/vlan/config. */
export const networkProbe: Probe<'network'> = {
  name: 'network',
  async read(root, report) {
    const read = new Reading(root, 'network', report);
    const names = await read.list(base);
    if (names === undefined) return undefined;
    const [ports, members, vlans] = await Promise.all([
      Promise.all(names.map((name) => readPort(read, name))),
      readBondMembers(read),
      readVlans(read),
    ]);
    const found = ports.filter((port) => port !== undefined);
    const needed = names.flatMap((name) =>
      ['', '/device', '/type', '/address'].map((file) => `${base}/${name}${file}`),
    );
    return {
      ...(read.refused(...needed) && { is_partial: true }),
      hostname:
        (await read.value('/proc/sys/kernel/hostname')) ??
        (await read.value('/etc/hostname')) ??
        null,
      interfaces: found
        .filter((port) => port.type === ethernet && !isLowerHalf(port, found))
        .map((port) => toInterface(port, members, vlans)),
      infiniband: found.filter((port) => port.type === infiniband).map(toInfiniband),
    };
  },
};

interface Port {
  name: string;
  type: number;
  address: string;
  /** The real path of its device, and of the interface itself. */
  devicePath: string;
  master: string | undefined;
  bondMemberAddress: string | undefined;
  /** The origin of an `address` that is not the hardware's own; undefined if it is. */
  origin: NetworkInterface['mac_origin'];
  /** The address that udev saw before it was changed, or that ethtool gets from the card. */
  permanentAddress: string | undefined;
  isWireless: boolean;
  isVf: boolean;
  /** Its PCI function lies behind a port that things are plugged into. */
  isDocked: boolean;
  driver: string | undefined;
  usbProduct: string | undefined;
  usbVendorId: string | undefined;
  speedMbps: number | undefined;
  carrier: boolean | undefined;
  mtu: number | undefined;
}

async function readPort(read: Reading, name: string): Promise<Port | undefined> {
  const dir = `${base}/${name}`;
  const path = await read.link(dir);
  if (path === undefined || path.startsWith('/sys/devices/virtual/')) return undefined;
  const [devicePath, type, address] = await Promise.all([
    read.link(`${dir}/device`),
    read.number(`${dir}/type`),
    read.value(`${dir}/address`),
  ]);
  if (devicePath === undefined || devicePath.startsWith('/sys/devices/virtual/')) return undefined;
  if (isInternalLink(name, devicePath)) return undefined;
  if (address === undefined || (type !== ethernet && type !== infiniband)) return undefined;
  if (type === infiniband && (await isInfinibandChild(read, dir))) return undefined;
  const entries = (await read.list(dir)) ?? [];
  const [device, master, link, portName] = await Promise.all([
    readDevice(read, dir, devicePath),
    entries.includes('master') ? read.link(`${dir}/master`) : undefined,
    readLink(read, dir),
    readPortName(read, dir, devicePath),
  ]);
  if (isRepresentor(portName)) return undefined;
  return {
    name,
    type,
    address: address.toLowerCase(),
    devicePath,
    master: master && baseName(master),
    bondMemberAddress: entries.includes('bonding_slave')
      ? (await read.value(`${dir}/bonding_slave/perm_hwaddr`))?.toLowerCase()
      : undefined,
    ...(await readOrigin(read, dir, name, entries)),
    isWireless: entries.includes('wireless') || entries.includes('phy80211'),
    ...device,
    ...link,
  };
}

/** An address that the kernel made up at this boot, or that somebody set, and the one of the hardware as far
 *  as it can be told. A bond's member has the address of the bond: see bonding_slave.
 *  Source: addr_assign_type (kernel Documentation/ABI/testing/sysfs-class-net), ethtool -P, udev. */
async function readOrigin(
  read: Reading,
  dir: string,
  name: string,
  entries: readonly string[],
): Promise<Pick<Port, 'origin' | 'permanentAddress'>> {
  const type = await read.quietly().value(`${dir}/addr_assign_type`);
  const origin = type === '1' ? 'random' : type === '3' ? 'set' : undefined;
  if (origin === undefined || entries.includes('bonding_slave')) {
    return { origin: undefined, permanentAddress: undefined };
  }
  const index = await read.quietly().value(`${dir}/ifindex`);
  const [byUdev, byCard] = await Promise.all([
    index === undefined ? undefined : read.quietly().text(`/run/udev/data/n${index}`),
    read.quietly().exec('ethtool', ['-P', name]),
  ]);
  const card = /^Permanent address: ((?:[0-9a-f]{2}:){5}[0-9a-f]{2})$/im.exec(byCard ?? '')?.[1];
  const digits = /^E:ID_NET_NAME_MAC=[a-z]{2}x([0-9a-f]{12})$/m.exec(byUdev ?? '')?.[1];
  const found = card?.toLowerCase() ?? digits?.replaceAll(/(..)(?=.)/g, '$1:');
  return { origin, permanentAddress: found === '00:00:00:00:00:00' ? undefined : found };
}

/** Devices whose interface is the end of a link inside the machine or straight to another host, which comes and
 *  goes: a BlueField card's console, Thunderbolt and PCIe bridges between hosts, Bluetooth, scalable functions
 *  and what is made on them, Xen's back ends. Also a driver for tests that is not under /devices/virtual, and USB
 *  devices made by software or lent by another host over the network. */
const internalLinks = [
  /\/MLNXBF[^/]*\//,
  /\/domain\d+\/\d+-\d+\//,
  /\/ntb_netdev\d*$/,
  /\/bluetooth\/hci\d+\//,
  /\/[\w-]+\.sf\.\d+(?:\/|$)/,
  /\/vdpa\d+\//,
  /\/vif-\d+-\d+$/,
  /^\/sys\/devices\/netdevsim\d+$/,
  /^\/sys\/devices\/platform\/(?:dummy|vhci)_hcd[.\d]*\//,
];

function isInternalLink(name: string, devicePath: string): boolean {
  return name.startsWith('tmfifo_net') || internalLinks.some((link) => link.test(devicePath));
}

/** A child of an InfiniBand port has the device of its parent. An older capture may lack these files. */
async function isInfinibandChild(read: Reading, dir: string): Promise<boolean> {
  const [own, lower] = await Promise.all(
    ['ifindex', 'iflink'].map((file) => read.quietly().value(`${dir}/${file}`)),
  );
  return own !== undefined && lower !== undefined && own !== lower;
}

/** Only cards have representors, and reading the name asks the driver. */
async function readPortName(
  read: Reading,
  dir: string,
  devicePath: string,
): Promise<string | undefined> {
  const isCard = baseName(devicePath) === lastPciAddress(devicePath);
  return isCard ? await read.quietly().value(`${dir}/phys_port_name`) : undefined;
}

/** True for the switch's end of a function (physical, virtual or scalable), which comes and goes with it.
 *  Source: phys_port_name (kernel Documentation/networking/representors.rst, net/devlink, and the drivers ice, nfp
 *  and sfc, which have names of their own). */
function isRepresentor(portName: string | undefined): boolean {
  return /^(?:c\d+|p\d+)?pf\d+(?:vfr?\d+|sf\d+|hpf|s\d+)?$/.test(portName ?? '');
}

async function readDevice(
  read: Reading,
  dir: string,
  devicePath: string,
): Promise<Pick<Port, 'driver' | 'isVf' | 'isDocked' | 'usbProduct' | 'usbVendorId'>> {
  const [driver, physfn, ueventText, removable] = await Promise.all([
    read.link(`${dir}/device/driver`),
    read.link(`${dir}/device/physfn`),
    read.text(`${dir}/device/uevent`),
    read.quietly().value(`${dir}/device/removable`),
  ]);
  const uevent = parseUevent(ueventText ?? '');
  const usb = usbDevicePath(devicePath);
  const usbProduct = usb === undefined ? undefined : await read.value(`${usb}/product`);
  const usbVendorId = usb === undefined ? undefined : await read.value(`${usb}/idVendor`);
  const name = driver === undefined ? uevent.get('DRIVER') : baseName(driver);
  return {
    driver: name,
    isVf: physfn !== undefined && !portsAreFunctions.has(name ?? ''),
    isDocked: removable === 'removable',
    usbProduct,
    usbVendorId: usbVendorId ?? uevent.get('PRODUCT')?.split('/')[0]?.padStart(4, '0'),
  };
}

/** Drivers of cards whose physical function is no port: every port is a virtual function. Source: Cavium ThunderX. */
const portsAreFunctions = new Set(['nicvf', 'thunder-nicvf']);

async function readLink(
  read: Reading,
  dir: string,
): Promise<Pick<Port, 'speedMbps' | 'carrier' | 'mtu'>> {
  const [speed, carrier, mtu] = await Promise.all([
    read.number(`${dir}/speed`),
    read.value(`${dir}/carrier`),
    read.number(`${dir}/mtu`),
  ]);
  // Drivers give -1, 2^16 - 1 or 2^32 - 1 for "unknown".
  const isKnown = speed !== undefined && speed > 0 && speed !== 65_535 && speed < 4_294_967_295;
  return {
    speedMbps: isKnown ? speed : undefined,
    carrier: carrier === '1' ? true : carrier === '0' ? false : undefined,
    mtu,
  };
}

/** In a guest with accelerated networking: the virtual function below a netvsc interface, or the two layers
 *  below virtio's failover, which have its address and come and go. */
function isLowerHalf(port: Port, ports: readonly Port[]): boolean {
  return ports.some(
    (upper) =>
      (upper !== port && upper.name === port.master && upper.address === port.address) ||
      (upper.driver === 'hv_netvsc' &&
        port.driver !== 'hv_netvsc' &&
        upper.address === port.address &&
        (port.master === undefined || port.master === upper.name)),
  );
}

function toInterface(
  port: Port,
  members: ReadonlyMap<string, BondMember>,
  vlans: ReadonlyMap<string, readonly number[]>,
): NetworkInterface {
  const member = members.get(port.name);
  const mac = port.bondMemberAddress ?? member?.address ?? port.permanentAddress ?? port.address;
  const isNobodys = mac === port.address && member === undefined;
  const isUsb = usbDevicePath(port.devicePath) !== undefined || isGadget(port.devicePath);
  const isBondMember = member !== undefined || port.bondMemberAddress !== undefined;
  const bond = isBondMember ? (member?.bond ?? port.master ?? null) : null;
  return {
    name: port.name,
    mac,
    ...(isNobodys && port.origin !== undefined && { mac_origin: port.origin }),
    current_mac: mac === port.address ? null : port.address,
    speed_mbps: port.speedMbps ?? null,
    driver: port.driver ?? null,
    pci_address: lastPciAddress(port.devicePath) ?? null,
    carrier: port.carrier ?? null,
    mtu: port.mtu ?? null,
    kind: port.isWireless ? 'wlan' : 'ethernet',
    is_usb: isUsb,
    ...(port.isDocked && { is_docked: true }),
    is_bmc: isUsb && isBmcNic(port),
    is_vf: port.isVf,
    bond,
    ...(member?.mode !== undefined && { bond_mode: member.mode }),
    vlans: [...(vlans.get(port.name) ?? []), ...(vlans.get(bond ?? '') ?? [])],
  };
}

/** This machine's end of a USB cable on which it is the device and not the host. */
function isGadget(devicePath: string): boolean {
  return /\/gadget(?:\.\d+)?$/.test(devicePath);
}

function toInfiniband(port: Port): InfinibandPort {
  return {
    name: port.name,
    address: port.address,
    speed_mbps: port.speedMbps ?? null,
    driver: port.driver ?? null,
    pci_address: lastPciAddress(port.devicePath) ?? null,
    carrier: port.carrier ?? null,
  };
}
