// The probes of what else is on a board: GPUs, TPM, BMC, and the firmware that booted it.
import { describe, expect, it } from 'vitest';
import { codes, denied, probe, read } from './host.ts';
import type { Entry } from './memory-root.ts';
import { concat, entryPoint, structure, table, word } from './smbios/smbios-table.ts';

const dmi = '/sys/firmware/dmi/tables/DMI';

/** A PCI function of the given class, vendor and device. */
function pci(
  address: string,
  kind: string,
  vendor: string,
  device: string,
): Record<string, string> {
  const dir = `/sys/bus/pci/devices/${address}`;
  return { [`${dir}/class`]: kind, [`${dir}/vendor`]: vendor, [`${dir}/device`]: device };
}

describe('the gpus probe', () => {
  it('lists display controllers by their ids where no driver names them', async () => {
    const files = {
      ...pci('0000:00:1f.0', '0x060100\n', '0x8086\n', '0xa30e\n'),
      ...pci('0000:3b:00.0', '0x030200\n', '0x10de\n', '0x20b0\n'),
    };
    expect(await read('gpus', files)).toEqual([
      {
        name: '10de:20b0',
        vendor: 'NVIDIA',
        vram_bytes: null,
        pci_address: '0000:3b:00.0',
        pci_id: '10de:20b0',
        driver: null,
      },
    ]);
  });

  it('takes no vendor id for a property of objects', async () => {
    const files = pci('0000:3b:00.0', '0x030200', '0xconstructor', '0x1');
    expect(await read('gpus', files)).toMatchObject([{ vendor: null, name: 'constructor:1' }]);
  });

  it("takes NVIDIA's own name, and AMD's name and memory", async () => {
    const amd = '/sys/bus/pci/devices/0000:83:00.0';
    const files = {
      ...pci('0000:3b:00.0', '0x030200', '0x10de', '0x20b0'),
      '/proc/driver/nvidia/gpus/0000:3b:00.0/information': 'Model: \t\t NVIDIA A100-SXM4-40GB\n',
      ...pci('0000:83:00.0', '0x038000', '0x1002', '0x740f'),
      [`${amd}/product_name`]: 'AMD Instinct MI210\n',
      [`${amd}/mem_info_vram_total`]: '68702699520\n',
      [`${amd}/driver`]: { link: '../../../bus/pci/drivers/amdgpu' },
    };
    expect(await read('gpus', files)).toMatchObject([
      { name: 'NVIDIA A100-SXM4-40GB' },
      { name: 'AMD Instinct MI210', vram_bytes: 68_702_699_520, driver: 'amdgpu' },
    ]);
  });

  it("takes NVIDIA's Unknown for no name", async () => {
    const files = {
      ...pci('0000:3b:00.0', '0x030200', '0x10de', '0x20b0'),
      '/proc/driver/nvidia/gpus/0000:3b:00.0/information': 'Model: \t\t Unknown\n',
    };
    expect(await read('gpus', files)).toMatchObject([{ name: '10de:20b0' }]);
  });

  it('names a controller on the board as the firmware does', async () => {
    const fields = { 0x04: 1, 0x05: 0x83, 0x07: word(0), 0x09: 3, 0x0a: 0 };
    const files = {
      ...pci('0000:03:00.0', '0x030000', '0x1a03', '0x2000'),
      [dmi]: table(structure(41, fields, ['Onboard VGA'])),
    };
    expect(await read('gpus', files)).toMatchObject([{ name: 'Onboard VGA', vendor: 'ASPEED' }]);
  });
});

describe('the gpus probe on a host without any', () => {
  it('finds none', async () => {
    expect(await read('gpus', {})).toEqual([]);
    expect(await read('gpus', pci('0000:00:1f.0', '0x060100', '0x8086', '0xa30e'))).toEqual([]);
  });

  it.each(['', '/0000:3b:00.0/class'])(
    'does not say that there is none where it may not read /sys/bus/pci/devices%s',
    async (below) => {
      const path = `/sys/bus/pci/devices${below}`;
      const { found, problems } = await probe('gpus', {
        ...pci('0000:3b:00.0', '0x030200', '0x10de', '0x20b0'),
        [path]: denied(path),
      });
      expect(found).toBeUndefined();
      expect(codes(problems)).toEqual([`read.denied ${path}`]);
    },
  );
});

describe('the tpm probe', () => {
  it.each([
    ['2.0', { '/sys/class/tpm/tpm0/tpm_version_major': '2\n' }],
    ['1.2', { '/sys/class/tpm/tpm0/tpm_version_major': '1\n' }],
    ['1.2', { '/sys/class/tpm/tpm0/device/caps': 'Manufacturer: 0x1\nTCG version: 1.2\n' }],
    ['2.0', { '/sys/class/tpm/tpm0/dev': '10:224', '/sys/class/tpmrm/tpmrm0/dev': '253:65536' }],
    [null, { '/sys/class/tpm/tpm0/dev': '10:224' }],
  ])('finds version %s', async (version, files) => {
    expect(await read('tpm', files)).toEqual({ is_present: true, version });
  });

  it('finds none', async () => {
    expect(await read('tpm', {})).toEqual({ is_present: false, version: null });
  });

  it('does not say that there is none where it may not look', async () => {
    const { found, problems } = await probe('tpm', { '/sys/class/tpm': denied('/sys/class/tpm') });
    expect(found).toBeUndefined();
    expect(codes(problems)).toEqual(['read.denied /sys/class/tpm']);
  });
});

describe('the bmc probe', () => {
  const lanPrint = [
    'Set in Progress         : Set Complete',
    'IP Address Source       : Static Address',
    'IP Address              : 10.20.30.40',
    'Subnet Mask             : 255.255.255.0',
    'MAC Address             : 3C:EC:EF:00:11:22',
  ].join('\n');

  it('asks ipmitool for the address where there is an IPMI device', async () => {
    const files = { '/dev/ipmi0': '' };
    expect(await read('bmc', files, { 'ipmitool lan print': lanPrint })).toEqual({
      is_present: true,
      interface_type: null,
      address: '10.20.30.40',
      address_source: 'ipmitool lan print',
      mac: '3c:ec:ef:00:11:22',
      firmware_version: null,
      host_address: null,
    });
  });

  it('reads the version of its firmware from the kernel', async () => {
    const file = '/sys/class/ipmi/ipmi0/device/bmc/firmware_revision';
    const found = await read('bmc', { '/dev/ipmi0': '', [file]: '2.88\n' });
    expect(found.firmware_version).toBe('2.88');
  });

  it('takes an IPv6 address where there is no other, of the channel with a port', async () => {
    const none = lanPrint.replace('10.20.30.40', '0.0.0.0');
    const lan6 = [
      'IPv6 Static Address 0:',
      '    Enabled:        no',
      '    Address:        2001:db8::9/64',
      '    Status:         disabled',
      'IPv6 Dynamic Address 0:',
      '    Source/Type:    SLAAC',
      '    Address:        fe80::3eec:efff:fe00:1122/64',
      '    Status:         active',
      'IPv6 Dynamic Address 1:',
      '    Source/Type:    DHCPv6',
      '    Address:        2001:db8:7::44/64',
      '    Status:         active',
      '',
    ].join('\n');
    const commands = {
      'ipmitool lan print': none,
      'ipmitool lan print 8': none,
      'ipmitool lan6 print 8': lan6,
    };
    expect(await read('bmc', { '/dev/ipmi0': '' }, commands)).toMatchObject({
      address: '2001:db8:7::44',
      address_source: 'ipmitool lan6 print',
      mac: '3c:ec:ef:00:11:22',
    });
  });

  it.each(['KCS', 'SSIF'])('knows the %s interface of a BMC from its driver', async (name) => {
    const type = `${name.toLowerCase()}\n`;
    const files = { '/dev/ipmi0': '', '/sys/class/ipmi/ipmi0/device/type': type };
    expect((await read('bmc', files)).interface_type).toBe(name);
  });

  it('takes zeros for no MAC, and goes on to the other channels', async () => {
    const unset = 'IP Address : 0.0.0.0\nMAC Address : 00:00:00:00:00:00\n';
    const commands = { 'ipmitool lan print': unset };
    expect((await read('bmc', { '/dev/ipmi0': '' }, commands)).mac).toBeNull();
    const further = { ...commands, 'ipmitool lan print 8': lanPrint };
    expect(await read('bmc', { '/dev/ipmi0': '' }, further)).toMatchObject({
      address: '10.20.30.40',
      mac: '3c:ec:ef:00:11:22',
    });
  });

  it('asks no ipmitool without an IPMI device', async () => {
    const files = { [dmi]: table(structure(0, {})) };
    const { found, root } = await probe('bmc', files, { 'ipmitool lan print': lanPrint });
    expect(found?.is_present).toBe(false);
    expect(root.asked).not.toContain('ipmitool lan print');
  });

  it.each<[string, Record<string, Entry>]>([
    ['the firmware may not be read', { [dmi]: denied(dmi) }],
    ['the firmware is not known', {}],
    ['devices may not be listed', { [dmi]: table(structure(0, {})), '/dev': denied('/dev') }],
  ])('does not say that there is none where %s', async (_, files) => {
    expect((await probe('bmc', files)).found).toBeUndefined();
  });

  it('finds none on a board whose firmware has no tables', async () => {
    expect(await read('bmc', { '/sys/firmware/devicetree/x': '' })).toMatchObject({
      is_present: false,
    });
  });

  it('takes 0.0.0.0 for no address', async () => {
    const output = lanPrint.replace('10.20.30.40', '0.0.0.0');
    const found = await read('bmc', { '/dev/ipmi0': '' }, { 'ipmitool lan print': output });
    expect(found).toMatchObject({ is_present: true, address: null });
  });

  it('finds a BMC in SMBIOS, with its address towards the host', async () => {
    const record = new Uint8Array(89);
    record.set([1, 0, 1], 16); // static host address, IPv4
    record.set([1, 1], 50); // static discovery, IPv4
    record.set([169, 254, 0, 17], 52);
    const interfaceData = Uint8Array.of(0x02, 0, 0, 0, 0);
    const fields = concat([
      Uint8Array.of(0x40, interfaceData.length),
      interfaceData,
      Uint8Array.of(1, 0x04, record.length),
      record,
    ]);
    const raw = table(structure(38, { 0x04: 1 }), structure(42, { 0x04: fields }));
    expect(
      await read('bmc', {
        [dmi]: raw,
        '/sys/firmware/dmi/tables/smbios_entry_point': entryPoint(3, 3),
      }),
    ).toMatchObject({
      is_present: true,
      interface_type: 'KCS',
      host_address: '169.254.0.17',
    });
  });
});

describe('the boot probe', () => {
  const secureBoot = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

  it.each([
    ['uefi', { '/sys/firmware/efi/fw_platform_size': '64\n' }],
    ['bios', { '/sys/firmware/acpi/tables/DSDT': '' }],
    [null, { '/sys/firmware/devicetree/base/model': 'x' }],
    [null, {}],
  ])('tells the firmware %s', async (mode, files) => {
    expect((await read('boot', files)).firmware_mode).toBe(mode);
  });

  it.each([
    [true, Uint8Array.of(6, 0, 0, 0, 1)],
    [false, Uint8Array.of(6, 0, 0, 0, 0)],
    [null, Uint8Array.of(6, 0)],
  ])('tells secure boot %s', async (expected, variable) => {
    expect((await read('boot', { [secureBoot]: variable })).secure_boot).toBe(expected);
  });

  it('names the running kernel', async () => {
    const files = { '/proc/sys/kernel/osrelease': '6.12.0-amd64\n' };
    expect((await read('boot', files)).kernel).toBe('6.12.0-amd64');
  });

  it('reports a variable that is denied', async () => {
    const { problems } = await probe('boot', { [secureBoot]: denied('it') });
    expect(codes(problems)).toEqual([`read.denied ${secureBoot}`]);
  });
});
