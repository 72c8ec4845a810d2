import { describe, expect, it } from 'vitest';
import { codes, denied, probe, read } from './host.ts';
import { dword, memoryModule, qword, structure, table, word } from './smbios/smbios-table.ts';
import type { Entry } from './memory-root.ts';

const dmi = '/sys/firmware/dmi/tables/DMI';
const base = '/sys/devices/system/memory';
const gib = 1024 ** 3;

async function bytesOf(files: Readonly<Record<string, Entry>>): Promise<number | null> {
  return (await read('memory', files)).memory_bytes;
}

/** `count` blocks of 128 MiB, online but for the last one. */
function blocks(count: number): Record<string, Entry> {
  const files: Record<string, Entry> = { [`${base}/block_size_bytes`]: '8000000\n' };
  for (let i = 0; i < count; i++) {
    files[`${base}/memory${i}/online`] = i === count - 1 ? '0\n' : '1\n';
  }
  return files;
}

describe('the memory probe', () => {
  it('sums the modules of a physical machine', async () => {
    const found = await read('memory', { [dmi]: table(memoryModule(), memoryModule()) });
    expect(found).toMatchObject({ memory_bytes: 64 * gib, memory_source: dmi });
    expect(found.dimms).toHaveLength(2);
    expect(found.dimms?.[0]).toEqual({
      locator: 'DIMM_A1',
      size_bytes: 32 * gib,
      type: 'DDR4',
      is_persistent: false,
      speed_mts: 3200,
      manufacturer: null,
      serial: null,
      part_number: null,
    });
  });

  it.each([
    ['a size in MB', { 0x0c: word(4096) }, 4 * gib],
    ['a size in kB', { 0x0c: word(0x8000 | 512) }, 512 * 1024],
    ['an extended size', { 0x0c: word(0x7fff), 0x1c: dword(1_048_576) }, 1024 * gib],
    ['the reserved bit of an extended size', { 0x1c: dword(0x8000_8000) }, 32 * gib],
    ['an empty slot', { 0x0c: word(0) }, null],
    ['an unknown size', { 0x0c: word(0xffff) }, null],
    ['flash', { 0x12: 0x09 }, null],
    ['a ROM', { 0x12: 0x08 }, null],
    ['an EEPROM', { 0x12: 0x0a }, null],
    ['persistent memory by its technology', { 0x28: 0x07 }, null],
    ['persistent memory by its type', { 0x12: 0x1f, 0x28: 0x02 }, null],
    ['persistent memory by its size', { 0x34: qword(126n << 30n) }, null],
    [
      'a module with unknown non-volatile size',
      { 0x34: qword(~0n & 0xffff_ffff_ffff_ffffn) },
      32 * gib,
    ],
    ['a type outside the specification', { 0x12: 0xfe }, 32 * gib],
  ])('counts %s right', async (_, fields, bytes) => {
    expect(await bytesOf({ [dmi]: table(memoryModule(fields)) })).toBe(bytes);
  });

  it('sums the slots of all arrays of system memory', async () => {
    const array = (use: number): Uint8Array =>
      structure(16, {
        0x05: use,
        0x06: 0x06,
        0x07: dword(0x8000_0000),
        0x0d: word(8),
        0x0f: qword(2n ** 40n),
      });
    const found = await read('memory', { [dmi]: table(array(3), array(3), array(5)) });
    expect(found).toMatchObject({
      memory_slots: 16,
      memory_max_bytes: 2 * 2 ** 40,
      memory_error_correction: 'Multi-bit ECC',
    });
  });

  it('reads the slots from the text of dmidecode', async () => {
    const array =
      '\tUse: System Memory\n\tError Correction Type: None\n\tMaximum Capacity: 64 GB\n';
    const dmidecode = `Physical Memory Array\n${array}\tNumber Of Devices: 4\n`;
    expect(await read('memory', {}, { dmidecode })).toMatchObject({
      memory_slots: 4,
      memory_max_bytes: 64 * gib,
      memory_error_correction: 'None',
    });
  });

  it('lists persistent memory though it does not count it', async () => {
    const pmem = memoryModule({ 0x12: 0x1f, 0x28: 0x07 });
    const found = await read('memory', { [dmi]: table(memoryModule(), pmem) });
    expect(found.memory_bytes).toBe(32 * gib);
    expect(found.dimms?.map((dimm) => dimm.is_persistent)).toEqual([false, true]);
  });

  it('counts the online memory blocks of a virtual machine, whatever its modules say', async () => {
    const virtual = structure(0, { 0x13: 0x10 });
    const files = { ...blocks(17), [dmi]: table(virtual, memoryModule()) };
    expect(await read('memory', files)).toMatchObject({
      memory_bytes: 2 * gib,
      memory_source: base,
    });
  });

  it('takes the modules of a virtual machine whose last block is not full', async () => {
    const modules = table(structure(0, { 0x13: 0x10 }), memoryModule({ 0x0c: word(1000) }));
    const files = { ...blocks(9), [dmi]: modules };
    expect(await read('memory', files)).toMatchObject({
      memory_bytes: 1000 * 1024 ** 2,
      memory_source: dmi,
    });
  });

  it('leaves out blocks that hold no memory, as those of a flash on arm64', async () => {
    const iomem =
      '00000000-07ffffff : reserved\n08000000-0fffffff : System RAM\n  08210000-0985ffff : Kernel code\n' +
      '20000000-2fffffff : virtio0\n  20000000-2fffffff : System RAM (virtio_mem)\n';
    const files = { ...blocks(7), '/proc/iomem': iomem };
    expect(await bytesOf(files)).toBe(3 * 128 * 1024 ** 2);
    // The view of everybody but root.
    const hidden = iomem.replaceAll(/[0-9a-f]{8}/g, '00000000');
    expect(await bytesOf({ ...files, '/proc/iomem': hidden })).toBe(6 * 128 * 1024 ** 2);
  });

  it('reads the state of a block where the kernel has no `online`', async () => {
    const files = {
      [`${base}/block_size_bytes`]: '80000000',
      [`${base}/memory0/state`]: 'online\n',
      [`${base}/memory1/state`]: 'offline\n',
      [`${base}/memory2/state`]: 'going-offline\n',
    };
    expect(await bytesOf(files)).toBe(2 * gib);
  });

  it('asks no block where the kernel uses more than all blocks but one hold', async () => {
    const zoneinfo = 'Node 0, zone   Normal\n        present  491520\n        managed  470000\n';
    const files = { ...blocks(15), '/proc/zoneinfo': `${zoneinfo}        present  1\n` };
    const { found, root } = await probe('memory', files);
    // 14 blocks of 128 MiB hold 458,752 pages: the last one, which says offline, is not even asked.
    expect(found?.memory_bytes).toBe(15 * 128 * 1024 ** 2);
    expect(root.asked.filter((path) => path.endsWith('/online'))).toEqual([]);
  });

  it('asks each block where one could be offline', async () => {
    const files = { ...blocks(17), '/proc/zoneinfo': '        present  524288\n' };
    expect(await bytesOf(files)).toBe(2 * gib);
  });

  it.each([
    ['adds the memory behind CXL, which SMBIOS has no modules for', 48, 48, []],
    ['does not add it where the kernel has no use of it', 31, 32, []],
    ['still says that a table is wrong', 64, 64, [`read.malformed ${dmi}`]],
  ])('%s', async (_, kernelGib, told, expected) => {
    const files = {
      [dmi]: table(structure(0, { 0x04: 1, 0x13: 0 }, ['AMI']), memoryModule()),
      '/sys/bus/cxl/devices/mem0/ram/size': '0x400000000\n',
      '/sys/bus/cxl/devices/decoder0.0/size': '0x9000000000\n',
      '/proc/meminfo': `MemTotal: ${kernelGib * 2 ** 20} kB\n`,
    };
    const { found, problems } = await probe('memory', files);
    expect(found?.memory_bytes).toBe(told * gib);
    expect(codes(problems)).toEqual(expected);
  });

  it('takes MemTotal where there is nothing else', async () => {
    const files = { '/proc/meminfo': 'MemTotal:       16468292 kB\nMemFree: 1 kB\n' };
    expect(await read('memory', files)).toMatchObject({
      memory_bytes: 16_468_292 * 1024,
      memory_source: '/proc/meminfo',
    });
  });

  it('falls back on the kernel when the tables are denied, and says so', async () => {
    const files = { ...blocks(9), [dmi]: denied(dmi) };
    const { found, problems } = await probe('memory', files);
    expect(found).toMatchObject({ memory_bytes: gib });
    expect(found).not.toHaveProperty('dimms');
    expect(codes(problems)).toEqual([`read.denied ${dmi}`]);
  });

  it('knows no memory from junk', async () => {
    const files = {
      '/proc/meminfo': '\u0000\u0001MemTotal: lots',
      [`${base}/block_size_bytes`]: 'zz',
      [`${base}/memory0/online`]: 'yes',
    };
    expect(await read('memory', files)).toMatchObject({
      memory_bytes: null,
      memory_source: null,
    });
  });

  it('finds no modules where the firmware has no tables', async () => {
    expect(await read('memory', { '/sys/firmware/devicetree/x': '' })).toMatchObject({ dimms: [] });
  });

  it('does not take a block for offline of which it may not read that', async () => {
    const block = `${base}/memory3/online`;
    const { found } = await probe('memory', {
      ...blocks(9),
      [block]: denied(block),
      '/proc/meminfo': 'MemTotal: 1000 kB\n',
    });
    expect(found?.memory_source).toBe('/proc/meminfo');
  });

  it('reads sizes of every unit from the text of dmidecode', async () => {
    const device = (size: string, more = ''): string => `Memory Device\n\tSize: ${size}\n${more}\n`;
    const output = [
      device('8192 MB'),
      device('16 GB'),
      device('512 kB'),
      device('No Module Installed'),
      device('Unknown'),
      device('126 GB', '\tMemory Technology: Intel persistent memory\n'),
      device('16 GB', '\tNon-Volatile Size: 16 GB\n'),
      device('16 MB', '\tType: Flash\n'),
    ].join('');
    const found = await read('memory', {}, { dmidecode: output });
    expect(found.memory_bytes).toBe(24 * gib + 512 * 1024);
  });
});
