// The sections that `inventory --only` reads, over the files of made-up machines.
import { describe, expect, it } from 'vitest';
import {
  collectSections,
  parseSections,
  type SectionName,
} from '../../../src/inventory/sections.ts';
import { parsePciIds } from '../../../src/probes/details/names.ts';
import { MemoryRoot, type Entry } from '../memory-root.ts';

const cpu = '/sys/devices/system/cpu';

async function excerpt(
  names: readonly SectionName[],
  files: Readonly<Record<string, Entry>>,
  commands: Readonly<Record<string, Entry>> = {},
) {
  const root = MemoryRoot.of(files, commands);
  return { ...(await collectSections(root, names)), asked: root.asked };
}

function caches(...cpus: readonly [cpu: string, shared: string][]): Record<string, string> {
  return Object.fromEntries(
    cpus.flatMap(([name, shared]) => [
      [`${cpu}/${name}/cache/index0/level`, '1\n'],
      [`${cpu}/${name}/cache/index0/type`, 'Data\n'],
      [`${cpu}/${name}/cache/index0/size`, '48K\n'],
      [`${cpu}/${name}/cache/index0/shared_cpu_list`, `${shared}\n`],
      [`${cpu}/${name}/cache/index3/level`, '3\n'],
      [`${cpu}/${name}/cache/index3/type`, 'Unified\n'],
      [`${cpu}/${name}/cache/index3/size`, '32768K\n'],
      [`${cpu}/${name}/cache/index3/shared_cpu_list`, '0-3\n'],
    ]),
  );
}

describe('a section of the inventory', () => {
  it('tells the processors in full', async () => {
    const files = {
      '/proc/cpuinfo':
        'processor : 0\nvendor_id : GenuineIntel\ncpu family : 6\nmodel : 106\nmodel name : Xeon\n' +
        'stepping : 6\nmicrocode : 0xd0003a5\nflags : fpu vmx avx512f\n',
      '/proc/sys/kernel/arch': 'x86_64\n',
      ...caches(['cpu0', '0,2'], ['cpu1', '1,3'], ['cpu2', '0,2'], ['cpu3', '1,3']),
      [`${cpu}/cpu0/cpufreq/cpuinfo_max_freq`]: '3400000\n',
      [`${cpu}/cpu0/cpufreq/base_frequency`]: '2000000\n',
      [`${cpu}/vulnerabilities/meltdown`]: 'Not affected\n',
    };
    const { hardware } = await excerpt(['cpu'], files);
    expect(hardware).toMatchObject({ cpu_model: 'Xeon', cpu_virtualization: 'vmx' });
    expect(hardware.processor).toEqual({
      architecture: 'x86_64',
      vendor: 'GenuineIntel',
      family: 6,
      model_number: 106,
      stepping: 6,
      microcode: '0xd0003a5',
      min_mhz: null,
      max_mhz: 3400,
      base_mhz: 2000,
      caches: [
        { level: 1, type: 'Data', size_bytes: 49_152, count: 2 },
        { level: 3, type: 'Unified', size_bytes: 33_554_432, count: 1 },
      ],
      flags: ['fpu', 'vmx', 'avx512f'],
      vulnerabilities: { meltdown: 'Not affected' },
    });
  });

  it('tells the processors of ARM, whose architecture old kernels have no file for', async () => {
    const files = {
      '/proc/cpuinfo':
        'processor : 0\nFeatures : fp asimd\nCPU implementer : 0x41\nCPU part : 0xd0c\nCPU revision : 1\n',
    };
    const { hardware } = await excerpt(['cpu'], files, { 'uname -m': 'aarch64\n' });
    expect(hardware.processor).toMatchObject({
      architecture: 'aarch64',
      vendor: '0x41',
      model_number: 0xd0c,
      stepping: 1,
      flags: ['fp', 'asimd'],
    });
  });

  it('tells NUMA nodes and huge pages', async () => {
    const node = '/sys/devices/system/node';
    const files = {
      [`${node}/node0/cpulist`]: '0-1\n',
      [`${node}/node0/meminfo`]: 'Node 0 MemTotal:       1024 kB\n',
      [`${node}/node0/distance`]: '10 21\n',
      [`${node}/node10/cpulist`]: '\n',
      [`${node}/online`]: '0,10\n',
      '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages': '8\n',
      '/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages': '5\n',
      '/sys/kernel/mm/transparent_hugepage/enabled': 'always [madvise] never\n',
    };
    const { hardware } = await excerpt(['memory'], files);
    expect(hardware.numa).toEqual({
      nodes: [
        { node: 0, cpus: '0-1', memory_bytes: 1_048_576, distances: [10, 21] },
        { node: 10, cpus: '', memory_bytes: null, distances: [] },
      ],
      huge_pages: [{ size_bytes: 2_097_152, total: 8, free: 5 }],
      transparent_huge_pages: 'madvise',
    });
  });

  it('lists PCI devices, USB devices and watchdogs', async () => {
    const pci = '/sys/bus/pci/devices/0000:3b:00.0';
    const usb = '/sys/bus/usb/devices';
    const files = {
      [`${pci}/class`]: '0x020000\n',
      [`${pci}/vendor`]: '0x8086\n',
      [`${pci}/device`]: '0x1533\n',
      [`${pci}/subsystem_vendor`]: '0x15d9\n',
      [`${pci}/subsystem_device`]: '0x1533\n',
      [`${pci}/driver`]: { link: '/sys/bus/pci/drivers/igb' },
      [`${pci}/iommu_group`]: { link: '/sys/kernel/iommu_groups/17' },
      [`${pci}/numa_node`]: '-1\n',
      [`${usb}/usb1/idVendor`]: '1d6b\n',
      [`${usb}/1-4.2/idVendor`]: '046b\n',
      [`${usb}/1-4.2/idProduct`]: 'ff10\n',
      [`${usb}/1-4.2/product`]: 'Virtual Keyboard\n',
      [`${usb}/1-4.2/speed`]: '1.5\n',
      [`${usb}/1-4.2:1.0/bInterfaceClass`]: '03\n',
      '/sys/class/watchdog/watchdog0/identity': 'iTCO_wdt\n',
      '/sys/class/watchdog/watchdog0/state': 'inactive\n',
      '/sys/class/watchdog/watchdog0/timeout': '30\n',
      '/sys/class/watchdog/watchdog0/nowayout': '0\n',
    };
    const { hardware } = await excerpt(['pci', 'usb', 'watchdogs'], files);
    expect(hardware.pci_devices).toMatchObject([
      {
        address: '0000:3b:00.0',
        class: '020000',
        id: '8086:1533',
        subsystem_id: '15d9:1533',
        driver: 'igb',
        iommu_group: 17,
        numa_node: null,
      },
    ]);
    expect(hardware.usb_devices).toEqual([
      {
        port: '1-4.2',
        id: '046b:ff10',
        vendor: null,
        product: 'Virtual Keyboard',
        serial: null,
        speed_mbps: 1.5,
      },
    ]);
    expect(hardware.watchdogs).toEqual([
      {
        device: '/dev/watchdog0',
        identity: 'iTCO_wdt',
        state: 'inactive',
        timeout_seconds: 30,
        no_way_out: false,
      },
    ]);
  });

  it('tells the disks with their sectors and partitions', async () => {
    const path = '/sys/devices/pci0000:00/ata1/host0/target0:0:0/0:0:0:0';
    const files = {
      '/sys/block/sda': { link: `${path}/block/sda` },
      [`${path}/block/sda/device`]: { link: path },
      [`${path}/block/sda/size`]: '2097152\n',
      [`${path}/block/sda/dev`]: '8:0\n',
      [`${path}/block/sda/queue/logical_block_size`]: '512\n',
      [`${path}/block/sda/queue/physical_block_size`]: '4096\n',
      [`${path}/block/sda/sda1/dev`]: '8:1\n',
      [`${path}/block/sda/sda1/start`]: '2048\n',
      [`${path}/block/sda/sda1/size`]: '4096\n',
      [`${path}/rev`]: 'EB01\n',
      [`${path}/vendor`]: 'ATA     \n',
      '/run/udev/data/b8:0': 'E:ID_PATH=pci-0000:00:17.0-ata-1\n',
      '/run/udev/data/b8:1':
        'E:ID_FS_TYPE=ext4\nE:ID_FS_LABEL=my_root\nE:ID_FS_LABEL_ENC=my\\x20root\nE:ID_FS_UUID=u-1\n',
      '/proc/self/mountinfo': '36 35 8:1 / / rw - ext4 /dev/sda1 rw\n',
    };
    const { hardware } = await excerpt(['disks'], files);
    expect(hardware.disks).toMatchObject([
      {
        device: '/dev/sda',
        vendor: 'ATA',
        firmware: 'EB01',
        hctl: '0:0:0:0',
        by_path: 'pci-0000:00:17.0-ata-1',
        logical_sector_bytes: 512,
        physical_sector_bytes: 4096,
        partitions: [
          {
            device: '/dev/sda1',
            start_bytes: 1_048_576,
            size_bytes: 2_097_152,
            filesystem: 'ext4',
            label: 'my root',
            uuid: 'u-1',
            mounted_at: '/',
          },
        ],
      },
    ]);
  });

  it('tells the ports with firmware, duplex and addresses', async () => {
    const nic = '/sys/devices/pci0000:00/0000:00:03.0';
    const files = {
      '/sys/class/net/eth0': { link: `${nic}/net/eth0` },
      [`${nic}/net/eth0/device`]: { link: nic },
      [`${nic}/net/eth0/address`]: '52:54:00:00:00:01\n',
      [`${nic}/net/eth0/type`]: '1\n',
      [`${nic}/net/eth0/duplex`]: 'full\n',
      '/sys/bus/pci/devices/0000:00:03.0': { link: nic },
      [`${nic}/vendor`]: '0x8086\n',
      [`${nic}/device`]: '0x1533\n',
      '/sys/class/net/lo': { link: '/sys/devices/virtual/net/lo' },
      '/proc/net/if_inet6': 'fd000000000000000000000000000002 02 40 00 80 eth0\n',
    };
    const commands = { 'ethtool -i eth0': 'driver: igb\nfirmware-version: 3.30, 0x8000079c\n' };
    const { hardware } = await excerpt(['network'], files, commands);
    expect(hardware.network_interfaces).toMatchObject([
      {
        name: 'eth0',
        pci_id: '8086:1533',
        duplex: 'full',
        firmware: '3.30, 0x8000079c',
        addresses: [{ address: 'fd00::2' }],
      },
    ]);
  });

  it('is read alone', async () => {
    const { hardware, asked } = await excerpt(['usb'], { '/sys/bus/usb/devices/usb1/x': '' });
    expect(Object.keys(hardware)).toEqual(['usb_devices']);
    expect(asked).toEqual(['/sys/bus/usb/devices']);
  });

  it('is one of those there are', () => {
    expect(parseSections('cpu, memory')).toEqual(['cpu', 'memory']);
    expect(parseSections('all')).toContain('watchdogs');
    expect(() => parseSections('cpu,gpu')).toThrow(
      'there is no section "gpu"; there are identity,',
    );
  });
});

describe('the names of PCI devices', () => {
  const list = [
    '# comment',
    '8086  Intel Corporation',
    '\t1533  I210 Gigabit Network Connection',
    '\t\t15d9 1533  Onboard',
    '\t1534  Not wanted',
    'C 02  Network controller',
    '\t00  Ethernet controller',
  ].join('\n');

  it('are those of vendor, device and class', () => {
    expect([...parsePciIds(list, new Set(['8086:1533']))]).toEqual([
      ['8086', 'Intel Corporation'],
      ['8086:1533', 'I210 Gigabit Network Connection'],
      ['C 02', 'Network controller'],
      ['C 0200', 'Ethernet controller'],
    ]);
  });
});
