import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeIdentityHash } from '../../src/identity/hash.ts';
import { identify } from '../../src/identity/identify.ts';
import type { Facts } from '../../src/model/inventory.ts';
import type { NetworkInterface } from '../../src/model/hardware/network-interface.ts';

function nic(name: string, mac: string, more: Partial<NetworkInterface> = {}): NetworkInterface {
  return {
    name,
    mac,
    speed_mbps: null,
    current_mac: null,
    driver: null,
    pci_address: null,
    carrier: null,
    mtu: null,
    kind: 'ethernet',
    is_usb: false,
    is_bmc: false,
    is_vf: false,
    bond: null,
    vlans: [],
    ...more,
  };
}

function factsOf(...interfaces: NetworkInterface[]): Partial<Facts> {
  return { network: { interfaces, hostname: null } };
}

/** The facts with what tells the primary MAC: the port booted from, the interface of the route. */
function hinted(facts: Partial<Facts>, bootMac?: string, route?: string): Partial<Facts> {
  return {
    ...facts,
    bootPort: bootMac === undefined ? null : { value: bootMac, source: 'BOOTIF' },
    routes: { default: route === undefined ? null : { interface: route, gateway: null } },
  };
}

const first = nic('eth0', '52:54:00:00:00:01', { pci_address: '0000:03:00.0' });
const second = nic('eth1', '52:54:00:00:00:02', { pci_address: '0000:03:00.1' });

/** Why the source with this value is not used, or what is said of it. */
function whyOf(facts: Partial<Facts>, value: string): string | null | undefined {
  return identify(facts).explanation.sources.find((s) => s.value === value)?.why;
}

describe('MACs that identify', () => {
  it('are lower case, each once and sorted', () => {
    const facts = factsOf(nic('b', '52-54-00-AB-00-02'), nic('a', '52:54:00:ab:00:02'), first);
    expect(identify(facts).identity.all_macs).toEqual(['52:54:00:00:00:01', '52:54:00:ab:00:02']);
    expect(whyOf(facts, '52:54:00:ab:00:02')).toBe('same address as b: counted once');
  });

  it.each([
    [{ is_usb: true }, 'USB NIC: moves between machines, or is shared by a model line'],
    [{ is_bmc: true, is_usb: true }, "BMC's NIC towards its host: shared by a model line"],
    [{ is_docked: true }, 'in a dock: moves between machines'],
    [{ is_vf: true }, 'virtual function: its physical function counts'],
    [{ kind: 'infiniband' }, 'InfiniBand: its hardware address is not a MAC'],
    [{ kind: 'wlan' }, 'wireless: its address may be randomised'],
    [{ mac: '00:00:00:00:00:00' }, 'placeholder: no NIC has it for its own'],
    [{ mac: 'ff:ff:ff:ff:ff:ff' }, 'placeholder: no NIC has it for its own'],
    [{ mac: '88:88:88:88:87:88' }, 'placeholder: no NIC has it for its own'],
    [{ mac: 'f0:ad:4e:03:64:7f' }, 'placeholder: no NIC has it for its own'],
    [{ mac: '01:00:5e:00:00:01' }, 'placeholder: no NIC has it for its own'],
    [{ mac_origin: 'random' }, 'made up by the kernel at this boot'],
    [{ mac_origin: 'set' }, 'set by somebody, and the one of the hardware is not known'],
  ] as const)('leave out %j', (more, why) => {
    const odd = nic('odd0', '52:54:00:00:00:09', more);
    const { identity } = identify(factsOf(odd, first));
    expect(identity.all_macs).toEqual([first.mac]);
    expect(identity.primary_mac).toBe(first.mac);
    expect(whyOf(factsOf(odd, first), odd.mac)).toBe(why);
  });

  it.each([
    ['that people type when they try something', '00:11:22:33:44:55'],
    ["that is the first of a maker's", '00:16:3e:00:00:00'],
  ])('keep an address %s', (_, mac) => {
    const { identity } = identify(factsOf(nic('eth0', mac)));
    expect(identity.primary_mac).toBe(mac);
  });

  it('keep locally administered addresses, which virtual machines have', () => {
    expect(identify(factsOf(nic('eth0', '02:00:00:00:00:01'))).identity.all_macs).toHaveLength(1);
  });

  it('of bond members are the permanent ones, which is said', () => {
    const member = nic('eth0', '52:54:00:00:00:01', {
      bond: 'bond0',
      current_mac: '52:54:00:00:00:02',
    });
    expect(whyOf(factsOf(member), member.mac)).toBe('member of bond0: permanent address used');
  });
});

describe('the primary MAC', () => {
  const up = nic('eth2', '52:54:00:00:00:03', { pci_address: '0000:82:00.0', carrier: true });
  const facts = factsOf(up, second, first);

  it('is the one that the firmware booted from', () => {
    const { identity } = identify(hinted(facts, '52-54-00-00-00-02', 'eth0'));
    expect(identity.primary_mac).toBe(second.mac);
  });

  it('is the boot MAC even if no driver shows its NIC', () => {
    const { identity } = identify(hinted(facts, '52:54:00:00:00:77'));
    expect(identity.primary_mac).toBe('52:54:00:00:00:77');
    expect(identity.all_macs).not.toContain('52:54:00:00:00:77');
  });

  it('is never that of a USB NIC, booted from or not', () => {
    const usb = nic('usb0', '52:54:00:00:00:08', { is_usb: true, carrier: true });
    const { identity } = identify(hinted(factsOf(usb, first), usb.mac, 'usb0'));
    expect(identity.primary_mac).toBe(first.mac);
    // A machine without another one registers by its other evidence.
    expect(identify(factsOf(usb)).identity).toMatchObject({ primary_mac: usb.mac, all_macs: [] });
  });

  it('is else that of the route to the server', () => {
    const over = (route: string, of = facts) =>
      identify(hinted(of, undefined, route)).identity.primary_mac;
    expect(over('eth1')).toBe(second.mac);
    expect(over('eth1.100')).toBe(second.mac);
    const bonded = factsOf(nic('eth5', '52:54:00:00:00:05', { bond: 'bond0' }), first);
    expect(over('bond0', bonded)).toBe('52:54:00:00:00:05');
  });

  it('is else the first with a link, else the first, by PCI address', () => {
    expect(identify(facts).identity.primary_mac).toBe(up.mac);
    expect(identify(factsOf(second, first)).identity.primary_mac).toBe(first.mac);
    const domains = factsOf(
      nic('a', '52:54:00:00:00:0a', { pci_address: '10000:01:00.0' }),
      second,
    );
    expect(identify(domains).identity.primary_mac).toBe(second.mac);
  });

  it('is a USB one only where there is nothing else, and then identifies the machine', () => {
    const usb = nic('usb0', '52:54:00:00:00:08', { is_usb: true, driver: 'smsc95xx' });
    const bmc = nic('usb1', '52:54:00:00:00:09', { is_usb: true, is_bmc: true });
    expect(identify(factsOf(bmc, usb, first)).identity.all_macs).toEqual([first.mac]);
    const { identity } = identify(factsOf(bmc, usb));
    expect(identity).toMatchObject({ primary_mac: usb.mac, all_macs: [usb.mac] });
    expect(identity.identity_hash).toBe(computeIdentityHash([usb.mac], null, null));
    const gadget = nic('usb2', '52:54:00:00:00:0a', { is_usb: true, driver: 'cdc_ether' });
    expect(identify(factsOf(bmc, gadget)).identity).toMatchObject({
      primary_mac: gadget.mac,
      all_macs: [],
    });
    expect(identify(factsOf(bmc)).identity).toMatchObject({ primary_mac: bmc.mac, all_macs: [] });
  });

  it('is that of a dock only where there is no wired one, but rather than a wireless one', () => {
    const dock = nic('dock0', '52:54:00:00:00:08', { is_docked: true, carrier: true });
    const wlan = nic('wlan0', '52:54:00:00:00:07', { kind: 'wlan', carrier: true });
    expect(identify(factsOf(dock, first)).identity.primary_mac).toBe(first.mac);
    expect(identify(factsOf(dock, wlan)).identity).toMatchObject({
      primary_mac: dock.mac,
      all_macs: [dock.mac],
    });
  });

  it.each(['cdc_mbim', 'qmi_wwan', 'ipheth', 'huawei_cdc_ncm'])(
    'is no phone or modem (%s) beside a wireless one',
    (driver) => {
      const wlan = nic('wlan0', '52:54:00:00:00:07', { kind: 'wlan', carrier: true });
      const usb = nic('wwan0', '52:54:00:00:00:08', { is_usb: true, driver, carrier: true });
      expect(identify(factsOf(usb, wlan)).identity.primary_mac).toBe(wlan.mac);
    },
  );

  it('is a wireless one only where there is nothing else', () => {
    const wlan = nic('wlan0', '52:54:00:00:00:07', { kind: 'wlan', carrier: true });
    expect(identify(factsOf(wlan, first)).identity.primary_mac).toBe(first.mac);
    expect(identify(factsOf(wlan)).identity).toMatchObject({
      primary_mac: wlan.mac,
      all_macs: [wlan.mac],
    });
    expect(identify({}).explanation.primary).toBe('no physical NIC was found');
  });
});

describe('UUID and machine-id', () => {
  const dmi = (value: string): Partial<Facts> => ({
    dmi: {
      system_uuid: { value, source: '/sys/firmware/dmi/tables/DMI' },
      system: { vendor: null, product: null, serial: null, asset_tag: null },
      board: { vendor: null, product: null, serial: null },
      firmware: { vendor: null, version: null, date: null },
    },
  });

  it.each([
    ['00000000-0000-0000-0000-000000000000', 'all-zero placeholder'],
    ['FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', 'all-ones placeholder'],
    ['03000200-0400-0500-0006-000700080009', 'placeholder shared by many machines'],
    ['00020003-0004-0005-0006-000700080009', 'placeholder shared by many machines'],
    ['03020100-0504-0706-0809-0a0b0c0d0e0f', 'placeholder shared by many machines'],
    ['01010101-0101-0101-0101-010101010101', 'placeholder: all bytes equal'],
    ['Not Settable', 'not set by the vendor'],
    ['--', 'not set by the vendor'],
  ])('%s is not used: %s', (value, why) => {
    expect(identify(dmi(value)).identity.smbios_uuid).toBeNull();
    expect(whyOf(dmi(value), value)).toBe(why);
  });

  it('a UUID that holds a MAC is used, and called weak', () => {
    const value = '00000000-0000-0000-0000-ac1f6b000001';
    expect(identify(dmi(value)).identity.smbios_uuid).toBe(value);
    expect(whyOf(dmi(value), value)).toBe('weak: it only repeats a MAC address');
  });

  it('a rejected machine-id is shown with its reason and not hashed', () => {
    const why = 'random at each boot: netboot image';
    const rejected = [{ value: 'ab'.repeat(16), source: '/etc/machine-id', why }];
    const { identity, explanation } = identify({ machineId: { machine_id: null, rejected } });
    expect(identity.machine_id).toBeNull();
    expect(explanation.sources.at(-1)).toMatchObject({ used: false, why });
    expect(explanation.hashed).toBe('|');
  });
});

it('hashes exactly what it says it hashed', () => {
  const mac = fc
    .uint8Array({ minLength: 6, maxLength: 6 })
    .map((bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(':'));
  fc.assert(
    fc.property(fc.array(mac, { maxLength: 6 }), (macs) => {
      const facts = factsOf(...macs.map((m, i) => nic(`eth${i}`, m)));
      const { identity, explanation } = identify(facts);
      expect(identity.identity_hash).toBe(computeIdentityHash(identity.all_macs, null, null));
      expect(explanation.hashed).toBe(`${identity.all_macs.map((m) => `${m}|`).join('')}|`);
    }),
    { numRuns: 200 },
  );
});
