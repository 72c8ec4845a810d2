// The facts of a host without sysfs (macOS, Windows, FreeBSD), from systeminformation, which is slower
// and knows less. `inventory --compare` shows them beside our own.
import { systemClock, type Clock } from '../core/clock.ts';
import { inTime } from '../core/deadline.ts';
import { AppError, describeError } from '../core/errors.ts';
import { normalizeMac } from '../identity/macs.ts';
import type { Disk } from '../model/hardware/disk.ts';
import type { Facts } from '../model/inventory.ts';
import type { NetworkInterface } from '../model/hardware/network-interface.ts';
import type { Problem } from '../model/problem.ts';
import type { OwnAddress } from '../model/network-setup.ts';
import { scopeOf } from '../probes/network/ip-address.ts';
import { dropPlaceholder } from '../identity/placeholder-text.ts';

export interface PortableOptions {
  /** The limit for each question to the operating system. */
  readonly timeoutMs: number;
  readonly clock?: Clock;
}

type SystemInformation = typeof import('systeminformation');

async function loadSystemInformation(): Promise<SystemInformation> {
  try {
    return (await import('systeminformation')).default;
  } catch (cause) {
    throw new AppError(
      'config.invalid',
      'this executable does not include systeminformation; use the program that npm installs',
      { cause },
    );
  }
}

/** The facts from systeminformation. Anything it cannot tell is a problem.
 *  Errors: AppError `config.invalid` if it is not installed. */
export async function collectPortable({
  timeoutMs,
  clock = systemClock,
}: PortableOptions): Promise<{
  facts: Partial<Facts>;
  problems: Problem[];
}> {
  const si = await loadSystemInformation();
  const facts: Partial<Facts> = {};
  const problems: Problem[] = [];
  const late = (): Error =>
    new AppError('probe.timeout', `systeminformation did not answer within ${timeoutMs} ms`);
  const ask = async <Name extends keyof Facts>(
    name: Name,
    answer: (si: SystemInformation) => Promise<Facts[Name] | undefined>,
  ): Promise<void> => {
    try {
      const section = await inTime(answer(si), clock, timeoutMs, late);
      if (section !== undefined) facts[name] = section;
    } catch (err) {
      problems.push(problemOf(name, err));
    }
  };
  await Promise.all([
    ask('dmi', readDmi),
    ask('machineId', readMachineId),
    ask('network', readNetwork),
    ask('addresses', readAddresses),
    ask('disks', readDisks),
    ask('cpu', readCpu),
    ask('memory', readMemory),
    ask('virtualization', readVirtualization),
  ]);
  return { facts, problems };
}

function problemOf(section: string, err: unknown): Problem {
  const code = err instanceof AppError ? err.code : 'probe.failed';
  return { code, section, source: 'systeminformation', message: describeError(err) };
}

async function readDmi(si: SystemInformation): Promise<Facts['dmi']> {
  const [system, bios, board, chassis, uuid] = await Promise.all([
    si.system(),
    si.bios(),
    si.baseboard(),
    si.chassis(),
    si.uuid(),
  ]);
  const hardwareId = given(uuid.hardware) ?? given(system.uuid);
  return {
    system_uuid:
      hardwareId === null
        ? null
        : { value: hardwareId.toLowerCase(), source: 'systeminformation uuid()' },
    system: {
      vendor: given(system.manufacturer),
      product: given(system.model),
      serial: given(system.serial),
      asset_tag: given(chassis.assetTag),
    },
    board: {
      vendor: given(board.manufacturer),
      product: given(board.model),
      serial: given(board.serial),
    },
    firmware: {
      vendor: given(bios.vendor),
      version: given(bios.version),
      date: given(bios.releaseDate),
    },
  };
}

/** Some systems without an id of their own repeat the hardware's. */
async function readMachineId(si: SystemInformation): Promise<Facts['machineId']> {
  const { os, hardware } = await si.uuid();
  const id = os.toLowerCase().replaceAll('-', '');
  const isOwn = /^[0-9a-f]{32}$/.test(id) && id !== hardware.toLowerCase().replaceAll('-', '');
  return { machine_id: isOwn ? { value: id, source: 'systeminformation uuid()' } : null };
}

async function readPorts(si: SystemInformation) {
  const found = await si.networkInterfaces();
  return Array.isArray(found) ? found : [found];
}

async function readAddresses(si: SystemInformation): Promise<OwnAddress[]> {
  const ports = await readPorts(si);
  return (['ip4', 'ip6'] as const).flatMap((family) =>
    ports.flatMap((port) => {
      const address = given(port[family])?.replace(/%.*/, '');
      if (address === undefined) return [];
      const is_up = port.operstate !== 'down';
      const mac = normalizeMac(port.mac) ?? null;
      return [{ address, interface: port.iface, mac, is_up, scope: scopeOf(address) }];
    }),
  );
}

async function readNetwork(si: SystemInformation): Promise<Facts['network'] | undefined> {
  const [list, { hostname }] = await Promise.all([readPorts(si), si.osInfo()]);
  const interfaces = list
    .filter((nic) => !nic.internal && !nic.virtual && nic.type !== 'virtual')
    .flatMap((nic): NetworkInterface[] => {
      const mac = normalizeMac(nic.mac);
      if (mac === undefined) return [];
      return [
        {
          name: nic.iface,
          mac,
          current_mac: null,
          speed_mbps: nic.speed !== null && nic.speed > 0 ? Math.round(nic.speed) : null,
          driver: null,
          pci_address: null,
          carrier: nic.operstate === 'up' ? true : nic.operstate === 'down' ? false : null,
          mtu: nic.mtu,
          kind: nic.type === 'wireless' ? 'wlan' : 'ethernet',
          is_usb: false,
          is_bmc: false,
          is_vf: false,
          bond: null,
          vlans: [],
        },
      ];
    });
  return filled(interfaces) && { interfaces, hostname: given(hostname) };
}

async function readDisks(si: SystemInformation): Promise<Facts['disks'] | undefined> {
  const disks = await si.diskLayout();
  return filled(disks.filter((disk) => disk.size > 0).map(diskOf));
}

/** The library also returns an empty list if it could not look. */
function filled<T>(list: T[]): T[] | undefined {
  return list.length === 0 ? undefined : list;
}

function diskOf(disk: Awaited<ReturnType<SystemInformation['diskLayout']>>[number]): Disk {
  const isNvme = /nvme|pcie/i.test(`${disk.type} ${disk.interfaceType}`);
  const transport = isNvme ? 'nvme' : (given(disk.interfaceType)?.toLowerCase() ?? null);
  return {
    device: disk.device,
    size_bytes: disk.size,
    model: given(disk.name),
    serial: given(disk.serialNum),
    wwn: null,
    type: isNvme ? 'nvme' : disk.type === 'SSD' ? 'ssd' : disk.type === 'HD' ? 'hdd' : null,
    transport,
    removable: transport === 'usb',
    read_only: false,
    virtual_media: false,
    paths: [],
  };
}

async function readCpu(si: SystemInformation): Promise<Facts['cpu']> {
  const cpu = await si.cpu();
  const positive = (count: number): number | null => (count > 0 ? count : null);
  return {
    cpu_model: given(`${cpu.manufacturer} ${cpu.brand}`),
    cpu_cores: positive(cpu.physicalCores),
    cpu_threads: positive(cpu.cores),
    cpu_sockets: positive(cpu.processors),
  };
}

async function readMemory(si: SystemInformation): Promise<Facts['memory']> {
  const [{ total }, layout] = await Promise.all([si.mem(), si.memLayout()]);
  const dimms = layout.flatMap((dimm) =>
    // Without any knowledge of modules it reports all memory as one.
    dimm.size > 0 && given(dimm.type) !== null
      ? [
          {
            locator: given(dimm.bank),
            size_bytes: dimm.size,
            type: given(dimm.type),
            speed_mts: dimm.clockSpeed !== null && dimm.clockSpeed > 0 ? dimm.clockSpeed : null,
            manufacturer: given(dimm.manufacturer),
            serial: given(dimm.serialNum),
            part_number: given(dimm.partNum),
          },
        ]
      : [],
  );
  return {
    memory_bytes: total > 0 ? total : null,
    memory_source: 'systeminformation mem()',
    ...(dimms.length > 0 && { dimms }),
  };
}

async function readVirtualization(si: SystemInformation): Promise<Facts['virtualization']> {
  const { virtual, virtualHost } = await si.system();
  const platform = given(virtualHost)?.toLowerCase().replaceAll(/[- ]/g, '') ?? null;
  return { is_virtual: virtual, virt_platform: platform, cloud: null, container: null };
}

/** null for placeholders and other words for "unknown". */
function given(text: string | null | undefined): string | null {
  return dropPlaceholder(text);
}
