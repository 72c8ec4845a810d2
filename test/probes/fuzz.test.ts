// Every parser on random and on mutated real input: none throws, hangs or keeps memory.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLanPrint } from '../../src/probes/bmc.ts';
import { parseCpuList, parseCpuMask } from '../../src/probes/cpu/cpu-list.ts';
import {
  armModel,
  countProcessors,
  countX86Cores,
  countX86Sockets,
  cpuFlags,
  cpuModel,
  parseCpuinfo,
} from '../../src/probes/cpu/cpuinfo.ts';
import { parseAtaIdentity, parseVpdSerial } from '../../src/probes/disks/disk-identity.ts';
import { normalizeUuid } from '../../src/identity/uuid.ts';
import { parseNvidiaModel } from '../../src/probes/gpus.ts';
import { parseKernelCommandLine } from '../../src/probes/kernel-command-line.ts';
import { parseMachineId, volatileRoot } from '../../src/probes/machine-id.ts';
import { parseMemTotal, parseSystemRam } from '../../src/probes/memory.ts';
import {
  chooseKernel,
  fstabSource,
  mountedAt,
  parseOsName,
} from '../../src/probes/installed-os/os-files.ts';
import { lastPciAddress } from '../../src/probes/sysfs/pci-address.ts';
import { parseFibTrie, parseIfInet6, parseIpAddress } from '../../src/probes/network/addresses.ts';
import { dhclient, keyValue, packet, wicked } from '../../src/probes/network/lease-formats.ts';
import { parseBonding, parseVlans } from '../../src/probes/network/proc-net.ts';
import { parseResolvConf } from '../../src/probes/network/resolv-conf.ts';
import { parseIpv4Routes, parseIpv6Routes } from '../../src/probes/network/routes.ts';
import { decodeTables } from '../../src/probes/smbios/decode.ts';
import { parseDmidecode } from '../../src/probes/smbios/dmidecode-text.ts';
import { parseEntryPoint } from '../../src/probes/smbios/entry-point.ts';
import { dropPlaceholder } from '../../src/identity/placeholder-text.ts';
import { recognise } from '../../src/probes/contents/recognise.ts';
import { parseBtrfs, parseHead, parseHiding } from '../../src/probes/installed-os/superblock.ts';
import { decodeUdev, parseUdevData } from '../../src/probes/disks/udev-data.ts';
import { parseUevent } from '../../src/probes/sysfs/uevent.ts';
import { hasCorpus, loadMachines } from './corpus.ts';
import { entryPoint, memoryModule, structure, system, table } from './smbios/smbios-table.ts';

type TextParser = readonly [name: string, parse: (text: string) => unknown, sample: string];
type ByteParser = readonly [
  name: string,
  parse: (bytes: Uint8Array) => unknown,
  sample: Uint8Array,
];

const cpuinfo =
  'processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R)\nphysical id\t: 0\nsiblings\t: 2\ncore id\t\t: 0\ncpu cores\t: 1\nflags\t\t: fpu vmx hypervisor\n\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\nprocessor 0: version = FF,  machine = 3931\n';

const texts: readonly TextParser[] = [
  ['parseCpuList', parseCpuList, '0-3,8,10-11,64-127'],
  ['parseCpuMask', parseCpuMask, 'ffffffff,00000000,0000000f'],
  ['parseCpuinfo', parseCpuinfo, cpuinfo],
  ['cpuFlags', cpuFlags, cpuinfo],
  ['cpuModel', cpuModel, cpuinfo],
  ['countProcessors', countProcessors, cpuinfo],
  ['countX86Cores', (text) => countX86Cores(text, () => true), cpuinfo],
  ['countX86Sockets', countX86Sockets, cpuinfo],
  ['armModel', armModel, cpuinfo],
  ['parseMemTotal', parseMemTotal, 'MemTotal:       16468292 kB\nMemFree: 12 kB\n'],
  ['parseSystemRam', parseSystemRam, '40000000-5fffffff : System RAM\n00000000-00000000 : x\n'],
  ['parseBonding', parseBonding, 'Slave Interface: eth0\nPermanent HW addr: 52:54:00:00:00:01\n'],
  ['parseVlans', parseVlans, 'VLAN Dev name    | VLAN ID\neth0.1015      | 1015  | eth0\n'],
  ['parseKernelCommandLine', parseKernelCommandLine, 'quiet a=1 b="two words" BOOTIF=01-aa-bb'],
  ['parseFibTrie', parseFibTrie, '  |-- 10.0.2.15\n     /32 host LOCAL\n'],
  ['parseIfInet6', parseIfInet6, 'fe80000000000000505400fffe000001 02 40 20 80     eth0\n'],
  ['parseIpAddress', parseIpAddress, '2: eth0    inet 10.0.2.15/24 scope global eth0\n'],
  [
    'parseIpv4Routes',
    parseIpv4Routes,
    'Iface\neth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n',
  ],
  [
    'parseIpv6Routes',
    parseIpv6Routes,
    'fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0\n',
  ],
  ['parseResolvConf', parseResolvConf, 'search lab.example\nnameserver 10.0.0.1\n'],
  ['keyValue.parse', keyValue.parse, "opt224=687474703a2f2f78\ndomain='lab'\n"],
  ['dhclient.parse', dhclient.parse, 'lease {\n  option unknown-224 68:74;\n}\n'],
  ['wicked.parse', wicked.parse, wicked.write({ address: '10.0.0.5', url: 'http://x' })],
  ['packet.parse', packet.parse, packet.write({ address: '10.0.0.5', url: 'http://x' })],
  ['lastPciAddress', lastPciAddress, '/sys/devices/pci10000:e0/10000:e0:06.0/10000:e1:00.0'],
  ['parseUevent', parseUevent, 'DRIVER=igb\nPCI_CLASS=20000\nPCI_ID=8086:1521\n'],
  [
    'parseUdevData',
    parseUdevData,
    'S:disk/by-id/x\nE:ID_MODEL_ENC=QEMU\\x20HARDDISK\nE:ID_BUS=ata\n',
  ],
  ['decodeUdev', decodeUdev, 'QEMU\\x20HARDDISK\\x20\\x20'],
  ['parseMachineId', parseMachineId, '0123456789abcdef0123456789abcdef\n'],
  ['volatileRoot', volatileRoot, 'rootfs / rootfs rw 0 0\n/dev/loop0 /rofs squashfs ro 0 0\n'],
  ['normalizeUuid', normalizeUuid, '4C4C4544-0039-3010-8048-B7C04F384432'],
  ['dropPlaceholder', dropPlaceholder, 'To Be Filled By O.E.M.'],
  ['parseNvidiaModel', parseNvidiaModel, 'Model: \t\t NVIDIA A100\nIRQ: 12\n'],
  [
    'parseLanPrint',
    parseLanPrint,
    'IP Address              : 10.20.30.40\nMAC Address : 3c:ec:ef:0:1:2',
  ],
  ['parseOsName', parseOsName, 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12"\n'],
  [
    'fstabSource',
    (text) => fstabSource(text, '/boot'),
    'UUID=ab-cd /boot ext4 defaults 0 2\n# x\n',
  ],
  ['mountedAt', mountedAt, '36 35 8:2 / /mnt/my\\040disk rw - ext4 /dev/sda2 rw\n'],
  [
    'chooseKernel',
    (text) => chooseKernel(text.split('\n')),
    'vmlinuz-6.1.0-18\ninitrd.img-6.1.0-18\n',
  ],
  [
    'parseDmidecode',
    parseDmidecode,
    'SMBIOS 2.7 present.\n\nHandle 0x0001, DMI type 1, 27 bytes\nSystem Information\n\tUUID: Not Present\n\nMemory Device\n\tSize: 16 GB\n\tType: DDR4\n',
  ],
];

const bytes: readonly ByteParser[] = [
  ['parseEntryPoint', parseEntryPoint, entryPoint(3, 2)],
  [
    'decodeTables',
    (raw) => decodeTables(raw, { major: 3, minor: 2 }),
    table(
      structure(0, { 0x04: 1, 0x13: 0x10 }, ['AMI']),
      system('Dell Inc.', 'R630'),
      memoryModule(),
      structure(38, { 0x04: 1 }),
      structure(41, { 0x04: 1, 0x05: 0x83, 0x0a: 0 }, ['VGA']),
      structure(42, { 0x04: 0x40, 0x05: 5, 0x0b: 1, 0x0c: 4, 0x0d: 89, 0x70: 0 }),
    ),
  ],
  [
    'recognise',
    (piece) => recognise({ offset: 0, bytes: piece }),
    Uint8Array.from({ length: 73_728 }, (_, i) => '_BHRfS_M'.charCodeAt(i - 65_600) || i % 251),
  ],
  ['parseVpdSerial', parseVpdSerial, Uint8Array.of(0, 0x80, 0, 4, 0x20, 0x53, 0x31, 0x20)],
  [
    'parseAtaIdentity',
    parseAtaIdentity,
    Uint8Array.from({ length: 572 }, (_, i) => (i === 1 ? 0x89 : 0x41)),
  ],
  [
    'parseHead',
    parseHead,
    Uint8Array.from({ length: 4096 }, (_, i) => ({ 1080: 0x53, 1081: 0xef })[i] ?? i % 256),
  ],
  [
    'parseHiding',
    (page) => parseHiding({ offset: 0, bytes: page }),
    Uint8Array.from({ length: 4096 }, (_, i) => 'NTFS    '.charCodeAt(i - 3) || 1),
  ],
  [
    'parseBtrfs',
    parseBtrfs,
    Uint8Array.from({ length: 4096 }, (_, i) => '_BHRfS_M'.charCodeAt(i - 64) || 1),
  ],
];

const parsers: readonly ByteParser[] = [
  ...texts.map(([name, parse, sample]): ByteParser => [
    name,
    (raw) => parse(Buffer.from(raw).toString('utf8')),
    new Uint8Array(Buffer.from(sample)),
  ]),
  ...bytes,
];

/** Damage to an input: bytes set, cut off, repeated. */
const damage = fc.record({
  set: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
  keep: fc.double({ min: 0.1, max: 1, noNaN: true }),
  repeat: fc.integer({ min: 1, max: 20 }),
});
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

function damaged(input: Uint8Array, { set, keep, repeat }: Damage): Uint8Array {
  const copy = Uint8Array.from(input);
  for (const [at, value] of set) if (copy.length > 0) copy[at % copy.length] = value;
  const part = copy.subarray(0, Math.ceil(copy.length * keep));
  return new Uint8Array(Buffer.concat(Array.from({ length: repeat }, () => part)));
}

describe.each(parsers)('%s', (_, parse, sample) => {
  it('survives random input', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (raw) => {
        expect(() => parse(raw)).not.toThrow();
      }),
      { numRuns: 300 },
    );
  });

  it('survives mutated input', () => {
    fc.assert(
      fc.property(damage, (harm) => {
        expect(() => parse(damaged(sample, harm))).not.toThrow();
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ' ',
    '\n',
    ':',
    '=',
    '|',
    '.',
    '\0',
    '0',
    'a',
    '-',
    '\\',
    '"',
    ',0-65535',
    'processor : 0\n',
  ])('comes to an end on 256 KiB of %j', (unit) => {
    const flood = Buffer.from(unit.repeat(Math.ceil(2 ** 18 / unit.length)));
    const behind = Buffer.concat([sample, flood, Buffer.from('x')]);
    expect(() => parse(new Uint8Array(flood))).not.toThrow();
    expect(() => parse(new Uint8Array(behind))).not.toThrow();
  });
});

describe('all parsers', () => {
  it('keep no memory of what they parsed', () => {
    const gc = garbageCollector();
    const round = (seed: number): void => {
      for (const [, parse, sample] of parsers) {
        const harms = fc.sample(damage, { numRuns: 20, seed });
        for (const harm of harms) parse(damaged(sample, harm));
      }
    };
    for (let seed = 0; seed < 10; seed++) round(seed);
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let seed = 10; seed < 60; seed++) round(seed);
    gc();
    const grown = process.memoryUsage().heapUsed - before;
    expect(grown).toBeLessThan(4 * 2 ** 20);
  });
});

describe.skipIf(!hasCorpus)('real firmware, damaged', () => {
  it('never makes a decoder throw', () => {
    const machines = loadMachines();
    const raw = [...machines.values()].map((root) => root.entry('/sys/firmware/dmi/tables/DMI'));
    const tables = raw.filter((entry) => entry instanceof Uint8Array);
    const outputs = [...machines.values()].map((root) => root.entry('/dmidecode.txt'));
    const printed = outputs.filter((entry) => entry instanceof Uint8Array);
    expect([tables.length > 0, printed.length > 0]).toEqual([true, true]);
    const decode = (input: Uint8Array): unknown => decodeTables(input, { major: 3, minor: 0 });
    const parse = (input: Uint8Array): unknown => parseDmidecode(Buffer.from(input).toString());
    fc.assert(
      fc.property(damage, fc.nat(), (harm, pick) => {
        decode(damaged(tables[pick % tables.length] ?? new Uint8Array(), { ...harm, repeat: 1 }));
        parse(damaged(printed[pick % printed.length] ?? new Uint8Array(), { ...harm, repeat: 1 }));
      }),
      { numRuns: 300 },
    );
  });
});

/** The engine's own collector, which it keeps to itself unless asked. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  if (typeof gc !== 'function') throw new Error('this engine has no gc');
  return () => {
    gc();
  };
}
