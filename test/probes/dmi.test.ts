import { describe, expect, it } from 'vitest';
import { codes, denied, probe, read } from './host.ts';
import {
  concat,
  entryPoint,
  oldEntryPoint,
  structure,
  system,
  table,
  uuidBig,
  uuidBytes,
  uuidLittle,
} from './smbios/smbios-table.ts';

const dmi = '/sys/firmware/dmi/tables/DMI';
const entry = '/sys/firmware/dmi/tables/smbios_entry_point';
const id = '/sys/class/dmi/id';

describe('the dmi probe', () => {
  it('decodes the raw tables and runs no command', async () => {
    const firmware = structure(0, { 0x04: 1, 0x05: 2, 0x08: 3 }, ['AMI', 'P2.10', '05/01/2023']);
    const board = structure(2, { 0x04: 1, 0x05: 2, 0x07: 3 }, ['ASRock', 'X570D4U', 'B7']);
    const chassis = structure(3, { 0x08: 1 }, ['RACK-7']);
    const raw = table(firmware, system('Dell Inc.', 'PowerEdge R630'), board, chassis);
    const { found, problems, root } = await probe('dmi', { [dmi]: raw, [entry]: entryPoint(3, 2) });
    expect(found).toEqual({
      system_uuid: { value: uuidLittle, source: dmi },
      system: {
        vendor: 'Dell Inc.',
        product: 'PowerEdge R630',
        version: null,
        serial: 'SN1',
        sku: null,
        family: null,
        asset_tag: 'RACK-7',
      },
      board: { vendor: 'ASRock', product: 'X570D4U', version: null, serial: 'B7' },
      chassis: { serial: null },
      firmware: { vendor: 'AMI', version: 'P2.10', date: '05/01/2023' },
      smbios_version: '3.2',
    });
    expect(problems).toEqual([]);
    expect(root.asked).not.toContain('dmidecode');
  });

  it.each([
    ['3.0', entryPoint(3, 0), uuidLittle],
    ['2.6', oldEntryPoint(2, 6), uuidLittle],
    ['2.51, a misprint of 2.6', oldEntryPoint(2, 51), uuidLittle],
    ['2.5', oldEntryPoint(2, 5), uuidBig],
    ['2.33, a misprint of 2.3', oldEntryPoint(2, 33), uuidBig],
    ['2.31, a misprint of 2.3', oldEntryPoint(2, 31), uuidBig],
  ])('reads the UUID in the byte order of SMBIOS %s', async (_, version, uuid) => {
    const found = await read('dmi', { [dmi]: table(system('A', 'B')), [entry]: version });
    expect(found.system_uuid?.value).toBe(uuid);
  });

  it('drops what a maker forgot to fill in', async () => {
    const raw = table(system('To Be Filled By O.E.M.', 'System Product Name', 'Default string'));
    const found = await read('dmi', { [dmi]: raw });
    expect(found.system).toMatchObject({ vendor: null, product: null, serial: null });
  });

  it.each([
    '0123456789',
    '00000000',
    'N/A',
    'Not Specified',
    ' To be filled by O.E.M. ',
    'xxxxxxx',
    'SYSTEM_SERIAL_NUMBER',
    'Type3 - Chassis Serial Number',
    'OEM Chassis Serial',
    'To be filled by O.E.M. by More String',
    'OEM_Define0',
    'SerNum00',
    'A1_SerNum0',
    'Array1_PartNumber0',
    'To Be Defined By O.E.M',
    'OEM Default string000',
    'ToBeFilledByO.E.M.',
    'TO-BE-FILLED-BY-OEM',
    'M/B Serial Number',
    '0x00000000',
    '0000-0000-0000',
    '1234-5678',
    '012345678901234567890123',
    '123456789ABC',
    'Not Initialized',
    '..........',
  ])('takes the serial number %j for a placeholder', async (serial) => {
    const found = await read('dmi', { [dmi]: table(system('A', 'B', serial)) });
    expect(found.system.serial).toBeNull();
  });

  it.each([
    ['/proc/device-tree/serial-number', 'a1b2c3d4e5f60718\0', 'a1b2c3d4e5f60718'],
    ['/proc/device-tree/serial-number', 'c3d9b8674f4b94f6\0', null],
    ['/sys/devices/soc0/serial_number', '0A1B2C3D\n', '0A1B2C3D'],
    ['/proc/cpuinfo', 'Hardware\t: BCM2835\nSerial\t\t: 00000000a1b2c3d4\n', '00000000a1b2c3d4'],
    ['/proc/cpuinfo', 'Hardware\t: sun4i\nSerial\t\t: 0000000000000000\n', null],
  ])('looks for a serial number that SMBIOS lacks in %s: %j', async (file, text, serial) => {
    const uBoot = table(system('Radxa', 'ROCK 5B', 'Unknown'));
    for (const files of [{ [dmi]: uBoot, [file]: text }, { [file]: text }]) {
      expect((await read('dmi', files)).system.serial).toBe(serial);
    }
  });

  it.each(['7N62AI2', 'CZC214446Z', 'None-1', 'X', '5', '123456790', 'S123456788', '1.1.1'])(
    'keeps the serial number %j',
    async (serial) => {
      const found = await read('dmi', { [dmi]: table(system('A', 'B', serial)) });
      expect(found.system.serial).toBe(serial);
    },
  );

  it('reads strings in UTF-8 where they are, else in Latin-1', async () => {
    const utf8 = Buffer.from('聯想').toString('latin1');
    const found = await read('dmi', { [dmi]: table(system(utf8, 'B\u00fcro')) });
    expect(found.system).toMatchObject({ vendor: '聯想', product: 'Büro' });
  });

  it('shows what else the maker says: versions, SKU, family, the serial of the chassis', async () => {
    const machine = structure(1, { 0x04: 1, 0x05: 2, 0x06: 3, 0x19: 4, 0x1a: 5 }, [
      'LENOVO',
      '20XW',
      'ThinkPad X1',
      'LENOVO_MT_20XW',
      'ThinkPad',
    ]);
    const board = structure(2, { 0x05: 1, 0x06: 2 }, ['X11', '1.02A']);
    const found = await read('dmi', {
      [dmi]: table(machine, board, structure(3, { 0x07: 1 }, ['CH-77'])),
    });
    expect(found.system).toMatchObject({
      version: 'ThinkPad X1',
      sku: 'LENOVO_MT_20XW',
      family: 'ThinkPad',
    });
    expect(found.board.version).toBe('1.02A');
    expect(found.chassis).toEqual({ serial: 'CH-77' });
  });

  it('reads the version of the legacy anchor', async () => {
    const anchor = new Uint8Array(15);
    anchor.set(Buffer.from('_DMI_'));
    anchor.set([0x23], 14);
    const found = await read('dmi', { [dmi]: table(system('A', 'B')), [entry]: anchor });
    expect(found).toMatchObject({
      smbios_version: '2.3',
      system_uuid: { value: uuidBig },
    });
  });

  it('goes on behind an early end mark as far as an old entry point counts', async () => {
    const raw = concat([table(structure(0, { 0x04: 1 }, ['AMI'])), system('Dell Inc.', 'R630')]);
    const counting = oldEntryPoint(2, 8);
    counting.set([3, 0], 28);
    const { found, problems } = await probe('dmi', { [dmi]: raw, [entry]: counting });
    expect(found?.system.vendor).toBe('Dell Inc.');
    expect(problems).toEqual([]);
    expect((await read('dmi', { [dmi]: raw, [entry]: entryPoint(3, 0) })).system.vendor).toBeNull();
  });

  it.each([
    [
      'a partition',
      '',
      'LPAR UUID:            10111213-1415-1617-1819-1a1b1c1d1e1f\n',
      '00000000000A1B2C',
    ],
    ['a guest', 'VM00 Name: LINUX1\n', 'VM00 UUID: 10111213-1415-1617-1819-1a1b1c1d1e1f\n', null],
  ])('reads what a mainframe says of %s', async (_, name, uuid, serial) => {
    const sysinfo =
      'Manufacturer:         IBM\nType:                 3906\nModel:                706              M04\n' +
      `Sequence Code:        00000000000A1B2C\n${name}${uuid}`;
    const found = await read('dmi', { '/proc/sysinfo': sysinfo });
    expect(found.system).toMatchObject({ vendor: 'IBM', product: '3906-M04', serial });
    expect(found.system_uuid).toEqual({ value: uuidBig, source: '/proc/sysinfo' });
  });

  it('strips NULs, control characters and blanks', async () => {
    const found = await read('dmi', { [dmi]: table(system(' Phytium\u001b ', 'D2000', '\tS1 ')) });
    expect(found.system).toMatchObject({ vendor: 'Phytium', serial: 'S1' });
  });

  it('gives what comes before the damage of a truncated table, and says so', async () => {
    const whole = table(system('Dell Inc.', 'R630'), structure(17, {}, ['x'], 0x54));
    const { found, problems } = await probe('dmi', { [dmi]: whole.subarray(0, whole.length - 30) });
    expect(found?.system.vendor).toBe('Dell Inc.');
    expect(codes(problems)).toEqual([`read.malformed ${dmi}`]);
  });

  it('steps over a structure shorter than its header', async () => {
    const short = concat([Uint8Array.of(0, 0, 5, 0), Buffer.from('x\0\0')]);
    const { found, problems } = await probe('dmi', { [dmi]: table(short, system('MS', 'VM')) });
    expect(found?.system.vendor).toBe('MS');
    expect(codes(problems)).toEqual([`read.malformed ${dmi}`]);
  });

  it('finds nothing in junk, and says so', async () => {
    const junk = Uint8Array.from({ length: 999 }, (_, i) => (i * 7919) % 251);
    const { found, problems } = await probe('dmi', { [dmi]: junk, [entry]: junk });
    expect(found?.system.vendor).toBeNull();
    expect(codes(problems)).toEqual([`read.malformed ${dmi}`, `read.malformed ${entry}`]);
  });

  it('finds nothing and reports nothing where there is no DMI', async () => {
    const { found, problems } = await probe('dmi', {});
    expect(found).toMatchObject({ system_uuid: null, smbios_version: null });
    expect(problems).toEqual([]);
  });

  it('asks no dmidecode where the kernel looked for DMI and found none', async () => {
    const files = { '/sys/firmware/acpi/tables/DSDT': 'x' };
    const { root } = await probe('dmi', files, { dmidecode: 'BIOS Information\n' });
    expect(root.asked).not.toContain('dmidecode');
  });

  it('takes the strings from sysfs when the tables are denied, and reports what is missing', async () => {
    const { found, problems, root } = await probe('dmi', {
      [dmi]: denied(dmi),
      [entry]: denied(entry),
      [`${id}/sys_vendor`]: 'Dell Inc.\n',
      [`${id}/product_name`]: 'PowerEdge R630\n',
      [`${id}/bios_version`]: '2.4\n',
      [`${id}/product_serial`]: denied(`${id}/product_serial`),
      [`${id}/product_uuid`]: denied(`${id}/product_uuid`),
    });
    expect(found?.system).toMatchObject({ vendor: 'Dell Inc.', product: 'PowerEdge R630' });
    expect(found?.firmware.version).toBe('2.4');
    expect(found?.system_uuid).toBeNull();
    expect(codes(problems)).toEqual([
      `read.denied ${id}/product_serial`,
      `read.denied ${id}/product_uuid`,
      `read.denied ${dmi}`,
      `read.denied ${entry}`,
    ]);
    expect(root.asked).not.toContain('dmidecode');
  });

  it('falls back on the text of dmidecode', async () => {
    const output = [
      '# dmidecode 3.3',
      'SMBIOS 2.7 present.',
      '',
      'Handle 0x0001, DMI type 1, 27 bytes',
      'System Information',
      '\tManufacturer: Supermicro',
      '\tProduct Name: X9SCL/X9SCM',
      '\tSerial Number: 0123456789',
      '\tUUID: 4C4C4544-0039-3010-8048-B7C04F384432',
      '',
      'Handle 0x0003, DMI type 3, 22 bytes',
      'Chassis Information',
      '\tAsset Tag: Not Specified',
      '',
    ].join('\n');
    const found = await read('dmi', {}, { dmidecode: output });
    expect(found).toMatchObject({
      system_uuid: { value: '4c4c4544-0039-3010-8048-b7c04f384432', source: 'dmidecode' },
      system: { vendor: 'Supermicro', product: 'X9SCL/X9SCM', serial: null, asset_tag: null },
      smbios_version: '2.7',
    });
  });

  it('reads the old layout of dmidecode, with indented titles', async () => {
    const output =
      'Handle 0x0100\n\tDMI type 1, 25 bytes.\n\tSystem Information\n\t\tVendor: IBM\n';
    expect((await read('dmi', {}, { dmidecode: output })).system.vendor).toBe('IBM');
  });

  it.each(['Not Settable', 'Not Present', '--', 'Not Specified'])(
    'takes the UUID %j for none and asks the next source',
    async (text) => {
      const found = await read(
        'dmi',
        { '/proc/device-tree/vm,uuid': `${uuidBig}\0` },
        { dmidecode: `System Information\n\tUUID: ${text}\n` },
      );
      expect(found.system_uuid).toEqual({ value: uuidBig, source: '/proc/device-tree/vm,uuid' });
    },
  );

  it("leaves the host's device-tree UUID alone in a container", async () => {
    const files = { '/sys/hypervisor/uuid': uuidBig, '/.dockerenv': '' };
    expect((await read('dmi', files)).system_uuid).toBeNull();
  });

  it('names a board without SMBIOS after its device-tree', async () => {
    const files = { '/proc/device-tree/model': 'Raspberry Pi 5 Model B Rev 1.0\0' };
    expect((await read('dmi', files)).system.product).toBe('Raspberry Pi 5 Model B Rev 1.0');
  });

  it('finds the UUID in the bytes of a table without entry point', async () => {
    const found = await read('dmi', { [dmi]: table(structure(1, { 0x08: uuidBytes })) });
    expect(found.system_uuid?.value).toBe(uuidLittle);
  });
});
