import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../../src/actions/action.ts';
import { seabios } from '../../src/actions/seabios.ts';
import { openCmos } from '../../src/sources/writing/cmos.ts';
import { MemoryRoot, type Entry } from '../probes/memory-root.ts';
import { scratch } from './images.ts';
import { thisHost, workplace } from './workplace.ts';

const bios = { '/sys/class/dmi/id/bios_vendor': 'SeaBIOS\n' };
/** The offsets of the two bytes in the file that the kernel's driver gives. */
const [at1, at2] = [0x38 - 14, 0x3d - 14];

async function run(fields: Partial<Fields<'seabios'>> = {}, files: Record<string, Entry> = bios) {
  using directory = scratch();
  const path = directory.path('nvmem');
  writeFileSync(path, Buffer.alloc(242, 0x21));
  const host = { ...thisHost(), root: MemoryRoot.of(files), cmos: openCmos(path) };
  const report = await seabios.run({ action: 'seabios', ...fields }, workplace('', { host }));
  const memory = readFileSync(path);
  const others = memory.filter((_, at) => at !== at1 && at !== at2);
  expect(others.every((byte) => byte === 0x21)).toBe(true);
  return { report, bytes: [memory[at1], memory[at2]] };
}

describe('seabios', () => {
  it.each<[string | undefined, number[]]>([
    [undefined, [0x31, 0x24]],
    ['hdd, cdrom, pxe', [0x41, 0x32]],
    ['network,disk,cd,floppy', [0x31, 0x24]],
    ['BEV', [0x01, 0x04]],
  ])('writes the order %s, and nothing else', async (order, bytes) => {
    const written = await run(order === undefined ? {} : { boot_order: order });
    expect(written.bytes).toEqual(bytes);
  });

  it.each<[string, Partial<Fields<'seabios'>>, Record<string, Entry>]>([
    ['the template says so', { set_pxe_first: false }, bios],
    ['it is another BIOS', {}, { '/sys/class/dmi/id/bios_vendor': 'Dell Inc.\n' }],
    ['it is UEFI', {}, { ...bios, '/sys/firmware/efi/fw_platform_size': '64\n' }],
  ])('writes nothing where %s', async (_, fields, files) => {
    expect((await run(fields, files)).bytes).toEqual([0x21, 0x21]);
  });

  it('fails where the memory does not keep it, or is not there', async () => {
    const forgetful = { read: async () => 0, write: async () => {} };
    for (const cmos of [forgetful, openCmos('/no/such/file')]) {
      const host = { ...thisHost(), root: MemoryRoot.of(bios), cmos };
      await expect(
        seabios.run({ action: 'seabios' }, workplace('', { host })),
      ).rejects.toMatchObject({ code: 'firmware.failed' });
    }
  });

  it.each(['usb', 'pxe,network', ','])(
    'refuses the order "%s" before anything is done',
    (order) => {
      expect(() => seabios.check?.({ action: 'seabios', boot_order: order })).toThrow('boot_order');
    },
  );
});
