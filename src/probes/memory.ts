// Installed memory and its modules.
import type { Dimm, Memory } from '../model/hardware/memory.ts';
import type { Probe } from './probe.ts';
import { Reading } from './reading.ts';
import { dropPlaceholder } from '../identity/placeholder-text.ts';
import { readSmbios } from './smbios/read.ts';
import { isModule, workingMemory, type MemoryArray, type MemoryDevice } from './smbios/tables.ts';
import { readVirtualization } from './virtualization/virtualization.ts';

const base = '/sys/devices/system/memory';

/** On a physical machine, the sum of its memory modules. On a virtual one, or without tables, the memory
 *  blocks that are online, else MemTotal, which leaves out memory that the kernel reserved.
 *  Source: SMBIOS type 17; /sys/devices/system/memory; /proc/meminfo. */
export const memoryProbe: Probe<'memory'> = {
  name: 'memory',
  async read(root, report) {
    const read = new Reading(root, 'memory', report);
    const smbios = await readSmbios(read);
    const devices = smbios?.tables.memoryDevices ?? [];
    // Without tables the modules are unknown.
    const dimms = smbios === undefined ? {} : { dimms: devices.flatMap(toDimm) };
    const modules = workingMemory(devices);
    const fromModules =
      modules > 0 && smbios ? { bytes: modules, source: smbios.source } : undefined;
    const { is_virtual } = await readVirtualization(read.quietly());
    const total =
      is_virtual === true
        ? exact(await fromKernel(read), fromModules)
        : await believable(read, fromModules);
    return {
      memory_bytes: total?.bytes ?? null,
      memory_source: total?.source ?? null,
      ...dimms,
      ...board(smbios?.tables.memoryArrays ?? []),
    };
  },
};

type Total = { bytes: number; source: string; blockBytes?: number } | undefined;

/** The modules, unless the kernel has more memory than they come to: the table is wrong then for certain. */
async function believable(read: Reading, modules: Total): Promise<Total> {
  if (modules === undefined) return fromKernel(read);
  const kernel = await fromMeminfo(read.quietly());
  if (kernel === undefined || kernel.bytes <= modules.bytes) return modules;
  // SMBIOS has no modules for most memory behind CXL.
  const behindCxl = await fromCxl(read.quietly());
  if (behindCxl > 0 && kernel.bytes <= modules.bytes + behindCxl) {
    return { bytes: modules.bytes + behindCxl, source: `${modules.source}, ${cxl}` };
  }
  const gib = (bytes: number): string => `${Math.round(bytes / 2 ** 30)} GiB`;
  read.problem(
    'read.malformed',
    modules.source,
    `the memory modules of SMBIOS come to ${gib(modules.bytes)}, but the kernel has ${gib(kernel.bytes)}: the table is wrong`,
  );
  const blocks = await fromBlocks(read);
  return blocks !== undefined && blocks.bytes >= kernel.bytes ? blocks : kernel;
}

const cxl = '/sys/bus/cxl/devices';

/** Volatile memory of CXL devices. Units: bytes. Source: kernel Documentation/ABI/testing/sysfs-bus-cxl. */
async function fromCxl(read: Reading): Promise<number> {
  const devices = ((await read.list(cxl)) ?? []).filter((name) => /^mem\d+$/.test(name));
  const sizes = await Promise.all(devices.map((name) => read.value(`${cxl}/${name}/ram/size`)));
  return sizes.reduce((sum, size) => sum + (Number(size ?? 0) || 0), 0);
}

/** The last block is rarely full. If the modules sum to within one block, trusts the modules. */
function exact(blocks: Total, modules: Total): Total {
  if (blocks?.blockBytes === undefined || modules === undefined) return blocks ?? modules;
  const rest = blocks.bytes - modules.bytes;
  return rest > 0 && rest < blocks.blockBytes ? modules : blocks;
}

/** The total of a board's memory arrays; there may be one for each socket or channel. */
function board(
  arrays: readonly MemoryArray[],
): Pick<Memory, 'memory_slots' | 'memory_max_bytes' | 'memory_error_correction'> {
  const total = (value: (array: MemoryArray) => number): number =>
    arrays.reduce((sum, array) => sum + value(array), 0);
  return {
    memory_slots: total(({ slots }) => slots) || null,
    memory_max_bytes: total(({ maxBytes }) => maxBytes ?? 0) || null,
    memory_error_correction: arrays[0]?.errorCorrection ?? null,
  };
}

function toDimm(device: MemoryDevice): Dimm[] {
  if (device.sizeBytes === undefined || device.sizeBytes === 0 || !isModule(device)) return [];
  return [
    {
      locator: device.locator,
      size_bytes: device.sizeBytes,
      type: device.type,
      is_persistent: device.isPersistent,
      speed_mts: device.speedMts ?? null,
      manufacturer: dropPlaceholder(device.manufacturer),
      serial: dropPlaceholder(device.serial),
      part_number: dropPlaceholder(device.partNumber),
    },
  ];
}

async function fromKernel(read: Reading): Promise<Total> {
  return (await fromBlocks(read)) ?? (await fromMeminfo(read));
}

async function fromBlocks(read: Reading): Promise<Total> {
  const sizeText = await read.value(`${base}/block_size_bytes`);
  if (sizeText === undefined || !/^[0-9a-f]{1,12}$/i.test(sizeText)) return undefined;
  const size = Number.parseInt(sizeText, 16);
  const blocks = await readBlocks(read, size);
  const count = (await areAllOnline(read, blocks.length, size))
    ? blocks.length
    : await countOnline(read, blocks);
  return count === 0 ? undefined : { bytes: count * size, source: base, blockBytes: size };
}

/** The blocks that hold memory. UEFI on arm64 also lists its flash, for which the kernel makes blocks.
 *  Source: /proc/iomem, whose addresses root alone sees; a block's number counts from address 0. */
async function readBlocks(read: Reading, size: number): Promise<string[]> {
  const blocks = ((await read.list(base)) ?? []).filter((name) => /^memory\d{1,12}$/.test(name));
  const ranges = parseSystemRam((await read.quietly().text('/proc/iomem')) ?? '');
  if (ranges.length === 0) return blocks;
  return blocks.filter((name) => {
    const start = Number(name.slice('memory'.length)) * size;
    return ranges.some(({ first, last }) => first < start + size && last >= start);
  });
}

/** The address ranges of memory in /proc/iomem; none where the addresses are hidden. */
export function parseSystemRam(text: string): { first: number; last: number }[] {
  return [...text.matchAll(/^ *([0-9a-f]{8,16})-([0-9a-f]{8,16}) : System RAM/gm)]
    .map(([, first = '', last = '']) => ({
      first: Number.parseInt(first, 16),
      last: Number.parseInt(last, 16),
    }))
    .filter(({ last }) => last > 0);
}

/** True if the kernel uses more memory than fits into all blocks but one. This takes one file instead of
 *  hundreds; if it is not certain (firmware may take a block's worth), each block is read.
 *  Source: `present` of /proc/zoneinfo, pages of online memory of at least 4096 bytes. */
async function areAllOnline(read: Reading, count: number, size: number): Promise<boolean> {
  if (count < 2) return false;
  const zones = (await read.text('/proc/zoneinfo'))?.matchAll(/^ +present +(\d{1,12})$/gm) ?? [];
  const pages = [...zones].reduce((sum, zone) => sum + Number(zone[1]), 0);
  return pages * 4096 > (count - 1) * size;
}

/** 0 unless it is known for every block. */
async function countOnline(read: Reading, blocks: readonly string[]): Promise<number> {
  const online = await Promise.all(blocks.map((block) => isBlockOnline(read, block)));
  const files = blocks.flatMap((block) => [`${base}/${block}/online`, `${base}/${block}/state`]);
  return read.refused(...files) ? 0 : online.filter(Boolean).length;
}

async function isBlockOnline(read: Reading, block: string): Promise<boolean> {
  const online = await read.value(`${base}/${block}/online`);
  if (online !== undefined) return online === '1';
  return (await read.value(`${base}/${block}/state`)) === 'online';
}

async function fromMeminfo(read: Reading): Promise<Total> {
  const text = await read.text('/proc/meminfo');
  const bytes = text === undefined ? undefined : parseMemTotal(text);
  return bytes === undefined ? undefined : { bytes, source: '/proc/meminfo' };
}

/** MemTotal of /proc/meminfo. Units: bytes. */
export function parseMemTotal(text: string): number | undefined {
  const kibibytes = /^MemTotal:\s*(\d{1,12}) kB$/m.exec(text)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}
