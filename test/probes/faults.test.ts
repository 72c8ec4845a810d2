// One host with everything on it, and each of its files in turn refused, garbled, cut or hung: no
// probe may fail, and no section but the one that reads the file may suffer.
import { beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/core/clock.ts';
import { AppError } from '../../src/core/errors.ts';
import { collect, type Collection } from '../../src/probes/collect.ts';
import { MemoryRoot, type Entry } from './memory-root.ts';
import { entryPoint, memoryModule, structure, system, table } from './smbios/smbios-table.ts';

type Files = Record<string, Entry>;

const nic = '/sys/devices/pci0000:00/0000:02:00.0';
const disk = '/sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0';
const usb = '/sys/devices/pci0000:00/0000:00:14.0/usb1/1-14';

const files: Files = {
  '/sys/firmware/dmi/tables/DMI': table(
    structure(0, { 0x04: 1, 0x13: 0 }, ['AMI']),
    system('Dell Inc.', 'R630'),
    memoryModule(),
    structure(38, { 0x04: 1 }),
  ),
  '/sys/firmware/dmi/tables/smbios_entry_point': entryPoint(3, 2),
  '/sys/firmware/efi/fw_platform_size': '64\n',
  '/etc/machine-id': '0123456789abcdef0123456789abcdef\n',
  '/proc/mounts': '/dev/sda1 / ext4 rw 0 0\n',
  '/proc/cpuinfo': 'processor : 0\nmodel name : AMD EPYC 7402\nflags : fpu svm\n',
  '/proc/meminfo': 'MemTotal: 1024 kB\n',
  '/proc/iomem': '00000000-3fffffff : System RAM\n',
  '/proc/sysinfo': '',
  '/proc/bus/pci/devices': '0010\t10de20b0\t12\n',
  '/proc/self/cgroup': '0::/\n',
  '/proc/self/status': 'Name: agent\n',
  '/proc/version': 'Linux version 6.12.0\n',
  '/proc/1/environ': 'HOME=/\0',
  '/proc/net/bonding/bond0': 'Slave Interface: eth0\nPermanent HW addr: 52:54:00:00:00:01\n',
  '/proc/net/vlan/config': 'eth0.7 | 7 | eth0\n',
  '/proc/cmdline': 'BOOTIF=01-52-54-00-00-00-01 dragonfly.token=t\n',
  '/proc/net/fib_trie': '|-- 10.0.0.5\n  /32 host LOCAL\n|-- 10.0.0.6\n  /32 host LOCAL\n',
  '/proc/net/if_inet6': 'fd000000000000000000000000000002 02 40 00 80 eth0\n',
  '/proc/net/route':
    'Iface\neth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\neth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n',
  '/proc/net/ipv6_route': '',
  '/etc/resolv.conf': 'nameserver 10.0.0.1\n',
  '/run/dragonfly/lease': 'domain=lab.example\n',
  '/run/systemd/netif/leases/2': 'DOMAINNAME=lab.example\n',
  '/var/lib/dhcp/dhclient.leases': 'lease {\n  option domain-name "lab.example";\n}\n',
  '/proc/sys/kernel/hostname': 'node7\n',
  '/proc/sys/kernel/osrelease': '6.12.0\n',
  '/proc/device-tree/model': 'Board\0',
  '/proc/device-tree/compatible': 'vendor,board\0',
  '/sys/devices/system/cpu/online': '0\n',
  '/sys/devices/system/cpu/cpu0/topology/core_cpus_list': '0\n',
  '/sys/devices/system/cpu/cpu0/topology/physical_package_id': '0\n',
  '/sys/class/net/eth0': { link: `${nic}/net/eth0` },
  [`${nic}/net/eth0/device`]: { link: nic },
  [`${nic}/net/eth0/address`]: '52:54:00:00:00:01\n',
  [`${nic}/net/eth0/type`]: '1\n',
  [`${nic}/net/eth0/speed`]: '1000\n',
  [`${nic}/net/eth0/carrier`]: '1\n',
  [`${nic}/net/eth0/mtu`]: '1500\n',
  [`${nic}/net/eth0/bonding_slave/perm_hwaddr`]: '52:54:00:00:00:01\n',
  [`${nic}/uevent`]: 'DRIVER=igb\n',
  '/sys/class/net/usb0': { link: `${usb}/1-14:2.0/net/usb0` },
  [`${usb}/1-14:2.0/net/usb0/device`]: { link: `${usb}/1-14:2.0` },
  [`${usb}/1-14:2.0/net/usb0/address`]: '52:54:00:00:00:02\n',
  [`${usb}/1-14:2.0/net/usb0/type`]: '1\n',
  [`${usb}/1-14:2.0/uevent`]: 'DRIVER=cdc_ether\n',
  [`${usb}/product`]: 'Virtual Ethernet\n',
  [`${usb}/idVendor`]: '046b\n',
  '/sys/block/sda': { link: `${disk}/block/sda` },
  [`${disk}/block/sda/device`]: { link: disk },
  [`${disk}/block/sda/size`]: '2097152\n',
  [`${disk}/block/sda/dev`]: '8:0\n',
  [`${disk}/block/sda/ro`]: '0\n',
  [`${disk}/block/sda/removable`]: '0\n',
  [`${disk}/block/sda/queue/rotational`]: '1\n',
  [`${disk}/model`]: 'ST1000NM0055\n',
  [`${disk}/vendor`]: 'ATA\n',
  [`${disk}/type`]: '0\n',
  [`${disk}/wwid`]: 'naa.5000c500\n',
  [`${disk}/vpd_pg80`]: Uint8Array.of(0, 0x80, 0, 2, 0x53, 0x31),
  '/run/udev/data/b8:0': 'E:ID_SERIAL_SHORT=S1\n',
  '/run/systemd/container': '',
  '/sys/bus/pci/devices/0000:3b:00.0/class': '0x030200\n',
  '/sys/bus/pci/devices/0000:3b:00.0/vendor': '0x10de\n',
  '/sys/bus/pci/devices/0000:3b:00.0/device': '0x20b0\n',
  '/sys/class/tpm/tpm0/tpm_version_major': '2\n',
  '/dev/ipmi0': '',
};
const commands = {
  'ipmitool lan print': 'IP Address : 10.0.0.1\n',
  'ip -o -4 address': '2: eth0    inet 10.0.0.6/24 scope global eth0\n',
};

const sections = [
  'addresses',
  'bmc',
  'boot',
  'bootPort',
  'cpu',
  'disks',
  'dmi',
  'gpus',
  'leases',
  'machineId',
  'memory',
  'network',
  'resolver',
  'routes',
  'tpm',
  'virtualization',
];

/** The findings of the probes if the source at `path` is `entry`, wherever links lead to it. */
async function withFault(path: string, entry: Entry): Promise<Collection> {
  if (path in commands) return await collect(MemoryRoot.of(files, { ...commands, [path]: entry }));
  return await collect(new FaultyRoot(path, entry));
}

/** The host with one path replaced under the very name that a probe reads. */
class FaultyRoot extends MemoryRoot {
  readonly #path: string;
  readonly #fault: MemoryRoot;

  constructor(path: string, entry: Entry) {
    super(Object.entries(files), commands);
    this.#path = path;
    this.#fault = MemoryRoot.of({ [path]: entry });
  }

  override text(path: string): Promise<string | undefined> {
    return path === this.#path ? this.#fault.text(path) : super.text(path);
  }

  override bytes(
    path: string,
    range?: { offset: number; length: number },
  ): Promise<Uint8Array | undefined> {
    return path === this.#path ? this.#fault.bytes(path, range) : super.bytes(path, range);
  }

  override list(dir: string): Promise<readonly string[] | undefined> {
    return dir === this.#path ? this.#fault.list(dir) : super.list(dir);
  }
}

let whole: Collection;
let sources: string[];

beforeAll(async () => {
  const root = new MemoryRoot(Object.entries(files), commands);
  whole = await collect(root);
  sources = [...new Set(root.asked)];
});

describe('a host with everything on it', () => {
  it('gives every section and no problem', () => {
    expect(Object.keys(whole.facts).toSorted()).toEqual(sections);
    expect(whole.problems).toEqual([]);
    expect(sources.length).toBeGreaterThan(80);
  });

  it('loses, when a source is denied, the section that would else say "none", and names it', async () => {
    for (const path of sources) {
      const error = new AppError('read.denied', `cannot read ${path}`);
      const { facts, problems } = await withFault(path, { fails: error });
      expect([path, missing(facts)]).toEqual([path, lostWith(path)]);
      const isNamed = problems.some((one) => one.source === path && one.code === 'read.denied');
      // Links are followed beside the fault, and another user's environment is private.
      expect([path, problems.length > 0 && !isNamed]).toEqual([path, false]);
    }
  });

  it('reports at least three of four denied sources', async () => {
    let reported = 0;
    for (const path of sources) {
      const error = new AppError('read.denied', 'no');
      if ((await withFault(path, { fails: error })).problems.length > 0) reported++;
    }
    expect(reported / sources.length).toBeGreaterThan(0.75);
  });

  it('loses no more when a read of a source was given up', async () => {
    for (const path of sources) {
      const error = new AppError('read.timeout', `gave up on ${path}`);
      const { facts } = await withFault(path, { fails: error });
      expect([path, missing(facts)]).toEqual([path, lostWith(path)]);
    }
  });

  it.each<[string, (whole: Entry | undefined) => Entry]>([
    ['junk', () => Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919 + 13) % 256)],
    ['empty', () => ''],
    ['one endless line', () => 'A:='.repeat(100_000)],
    ['many lines', () => 'processor : 0\nSlave Interface: a\n/ / /\n0-1,\n'.repeat(5000)],
    ['cut in half', (entry) => half(entry)],
  ])('keeps every section when any one source is %s', async (_, garble) => {
    for (const path of sources) {
      const { facts, problems } = await withFault(path, garble(files[path]));
      expect([path, missing(facts)]).toEqual([path, []]);
      expect(problems.filter(({ code }) => code.startsWith('probe.'))).toEqual([]);
    }
  });

  it('loses, when a source never answers, only the sections that read it, and ends on time', async () => {
    for (const path of sources) {
      const clock = new ManualClock(new Date(0));
      const collecting = collect(new FaultyRoot(path, { hangs: true }), { clock, timeoutMs: 1000 });
      await everythingElse();
      // Those that read disks have three times as long.
      await clock.advance(3000);
      const { facts, problems } = await collecting;
      const lost = problems.filter(({ code }) => code === 'probe.timeout');
      const known = lost.map(({ section }) => section).filter((name) => sections.includes(name));
      expect([path, known]).toEqual([path, missing(facts)]);
      expect(known.length).toBeLessThan(sections.length / 2);
    }
  });
});

/** The sources without which a section cannot tell whether it has all that is there. */
const needed: Readonly<Record<string, string>> = {
  '/sys/block': 'disks',
  '/sys/block/sda': 'disks',
  '/sys/block/sda/size': 'disks',
  '/sys/bus/pci/devices': 'gpus',
  '/sys/bus/pci/devices/0000:3b:00.0/class': 'gpus',
  '/etc/resolv.conf': 'resolver',
  '/proc/cmdline': 'bootPort',
  '/proc/net/route': 'routes',
  '/sys/class/net': 'network',
  '/sys/class/tpm': 'tpm',
};

function lostWith(path: string): string[] {
  return Object.entries(needed).flatMap(([source, section]) => (source === path ? [section] : []));
}

/** The sections that are not there. */
function missing(facts: Collection['facts']): string[] {
  return sections.filter((section) => !(section in facts));
}

/** Lets all reads end that do not hang: those of files in memory take no time. */
async function everythingElse(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function half(entry: Entry | undefined): Entry {
  if (typeof entry === 'string') return entry.slice(0, entry.length / 2);
  return entry instanceof Uint8Array ? entry.subarray(0, entry.length / 2) : '';
}
