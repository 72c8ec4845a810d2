import { describe, expect, it } from 'vitest';
import type { NetworkFacts } from '../../../src/model/inventory.ts';
import type { NetworkInterface } from '../../../src/model/hardware/network-interface.ts';
import { codes, denied, probe, read } from '../host.ts';
import type { Entry } from '../memory-root.ts';

type Files = Record<string, Entry>;

/** A network interface on a device, with what a test cares for laid over a usual PCI card. */
function nic(name: string, device: string, files: Readonly<Files> = {}): Files {
  const real = `/sys/devices/${device}/net/${name}`;
  const usual = { type: '1\n', address: '52:54:00:12:34:56\n', mtu: '1500\n', carrier: '1\n' };
  const own = Object.entries({ ...usual, ...files });
  return {
    [`/sys/class/net/${name}`]: { link: real },
    [`${real}/device`]: { link: `/sys/devices/${device}` },
    [`/sys/devices/${device}/uevent`]: 'DRIVER=igb\n',
    ...Object.fromEntries(own.map(([file, value]) => [`${real}/${file}`, value])),
  };
}

const pci = 'pci0000:00/0000:00:01.0/0000:02:00.1';

async function interfaces(files: Readonly<Files>): Promise<readonly NetworkInterface[]> {
  return (await read('network', files)).interfaces;
}

async function only(files: Readonly<Files>): Promise<NetworkInterface> {
  const [first, ...more] = await interfaces(files);
  if (first === undefined || more.length > 0) throw new Error('expected one interface');
  return first;
}

describe('the network probe', () => {
  it('reads a port of a PCI card', async () => {
    expect(await only(nic('eth0', pci, { speed: '10000\n' }))).toEqual({
      name: 'eth0',
      mac: '52:54:00:12:34:56',
      current_mac: null,
      speed_mbps: 10_000,
      driver: 'igb',
      pci_address: '0000:02:00.1',
      carrier: true,
      mtu: 1500,
      kind: 'ethernet',
      is_usb: false,
      is_bmc: false,
      is_vf: false,
      bond: null,
      vlans: [],
    });
  });

  it('leaves out what is not hardware', async () => {
    const bridge = { '/sys/class/net/br0': { link: '/sys/devices/virtual/net/br0' } };
    const made = { ...bridge, '/sys/devices/virtual/net/br0/type': '1\n' };
    expect(await interfaces({ ...made, ...nic('tun0', 'virtual/misc/tun') })).toEqual([]);
  });

  it('names the driver by the link, also where its directory was not captured', async () => {
    const driver = {
      [`/sys/devices/${pci}/driver`]: { link: '../../../../bus/pci/drivers/ixgbe' },
    };
    expect((await only({ ...nic('eth0', pci), ...driver })).driver).toBe('ixgbe');
  });

  it.each([
    ['a representor of a virtual function', pci, { phys_port_name: 'pf0vf1\n' }],
    ['a representor by an older driver of Intel', pci, { phys_port_name: 'pf0vfr3\n' }],
    ['a representor on another controller', pci, { phys_port_name: 'c1pf0sf88\n' }],
    ["a representor of the host's function", pci, { phys_port_name: 'pf0hpf\n' }],
    ['a representor of a physical function', pci, { phys_port_name: 'c1pf0\n' }],
    ['a representor with the port in its name', pci, { phys_port_name: 'p0pf0vf1\n' }],
    ['a scalable function', `${pci}/mlx5_core.sf.4`, {}],
    ['a port made on a scalable function', `${pci}/mlx5_core.sf.4/vdpa0/virtio1`, {}],
    ['a bridge to another host over PCIe', 'pci0000:00/0000:00:03.0/ntb_netdev0', {}],
    ['a Bluetooth link', 'platform/soc/fe201000.serial/serial0/bluetooth/hci0/hci0:11', {}],
    ['a back end of Xen', 'vif-3-0', {}],
    ['a port of the kernel\u2019s own tests', 'netdevsim1', {}],
    ['a USB gadget of software', 'platform/dummy_hcd.0/usb5/5-1/5-1:1.0', {}],
    ['a USB port lent over the network', 'platform/vhci_hcd.0/usb5/5-1/5-1:1.0', {}],
    ['a Thunderbolt link', 'pci0000:00/0000:00:0d.2/domain0/0-0/0-1/0-1.0', {}],
    ['the console of a BlueField card', 'platform/MLNXBF01:00/virtio0', {}],
  ])('is not taken in by %s', async (_what, device, files) => {
    const found = await interfaces({ ...nic('eth0', pci), ...nic('odd0', device, files) });
    expect(found.map(({ name }) => name)).toEqual(['eth0']);
  });

  it('keeps the uplink port of a card that has representors', async () => {
    expect((await only(nic('eth0', pci, { phys_port_name: 'p0\n' }))).name).toBe('eth0');
  });

  it('lists the ports of a card all of whose ports are virtual functions', async () => {
    const files = {
      ...nic('eth0', pci),
      [`/sys/devices/${pci}/uevent`]: 'DRIVER=nicvf\n',
      [`/sys/devices/${pci}/physfn`]: { link: '../0000:02:00.0' },
    };
    expect((await only(files)).is_vf).toBe(false);
  });

  it('lists an InfiniBand port without its children', async () => {
    const address = Array<string>(20).fill('0a').join(':');
    const port = { type: '32\n', address, ifindex: '4\n' };
    const { infiniband } = await read('network', {
      ...nic('ib0', pci, { ...port, iflink: '4\n' }),
      ...nic('ib0.8001', pci, { ...port, ifindex: '5\n', iflink: '4\n' }),
    });
    expect(infiniband?.map(({ name }) => name)).toEqual(['ib0']);
  });

  it('takes the own end of a USB cable, as on a Raspberry Pi Zero, for a USB port', async () => {
    expect((await only(nic('usb0', 'platform/soc/20980000.usb/gadget.0'))).is_usb).toBe(true);
  });

  it('lists the three layers of virtio failover once', async () => {
    const virtio = 'pci0000:00/0000:00:02.0/virtio0';
    const master = { link: `/sys/devices/${virtio}/net/eth0` };
    const found = await interfaces({
      ...nic('eth0', virtio),
      ...nic('eth0nsby', virtio, { master }),
      ...nic('ens4', pci, { master }),
    });
    expect(found.map(({ name }) => name)).toEqual(['eth0']);
  });

  it('says that the kernel made an address up, or that somebody set it', async () => {
    const random = await only(nic('eth0', pci, { addr_assign_type: '1\n' }));
    expect([random.mac, random.mac_origin]).toEqual(['52:54:00:12:34:56', 'random']);
    const set = await only(nic('eth0', pci, { addr_assign_type: '3\n', ifindex: '2\n' }));
    expect(set.mac_origin).toBe('set');
    const own = await only(nic('eth0', pci, { addr_assign_type: '0\n' }));
    expect(own.mac_origin).toBeUndefined();
  });

  it("finds the hardware's address beside one that somebody set, by ethtool, else by udev", async () => {
    const files = {
      ...nic('eth0', pci, { addr_assign_type: '3\n', ifindex: '2\n' }),
      '/run/udev/data/n2': 'E:ID_NET_NAME_MAC=enx3cecef0a0b01\n',
    };
    const { mac, current_mac, mac_origin } = await only(files);
    expect({ mac, current_mac, mac_origin }).toEqual({
      mac: '3c:ec:ef:0a:0b:01',
      current_mac: '52:54:00:12:34:56',
      mac_origin: undefined,
    });
    const asked = { 'ethtool -P eth0': 'Permanent address: 3c:ec:ef:0a:0b:02\n' };
    const { interfaces: byCard } = await read('network', files, asked);
    expect(byCard[0]?.mac).toBe('3c:ec:ef:0a:0b:02');
  });

  it.each(['65535', '-1', '0', '4294967295', '65536000000', '', 'fast'])(
    'takes speed %j for not known',
    async (speed) => {
      const port = await only(nic('eth0', pci, { speed: `${speed}\n` }));
      expect(port.speed_mbps).toBe(null);
    },
  );

  it('walks up from a virtio device to its PCI function', async () => {
    const port = await only(nic('eth0', 'pci0000:00/0000:00:03.0/virtio0'));
    expect(port.pci_address).toBe('0000:00:03.0');
  });

  it('reads PCI domains of five digits', async () => {
    const port = await only(nic('eth0', 'pci10000:e0/10000:e0:06.0/10000:e1:00.0'));
    expect(port.pci_address).toBe('10000:e1:00.0');
  });

  it("gives a bond member its permanent address instead of the bond's", async () => {
    const bonding = [
      'Ethernet Channel Bonding Driver: v5.15',
      '',
      'Bonding Mode: IEEE 802.3ad Dynamic link aggregation',
      '',
      'Slave Interface: eth0',
      'MII Status: up',
      'Permanent HW addr: 3C:FD:FE:00:00:01',
      '',
      'Slave Interface: eth1',
      'Permanent HW addr: 3c:fd:fe:00:00:02',
    ].join('\n');
    const shared = { address: '3c:fd:fe:00:00:01\n' };
    const other = 'pci0000:00/0000:00:01.0/0000:02:00.2';
    const files = {
      ...nic('eth0', pci, shared),
      ...nic('eth1', other, shared),
      '/proc/net/bonding/bond0': bonding,
      '/proc/net/vlan/config': 'VLAN Dev name\t | VLAN ID\nbond0.42      | 42  | bond0\n',
    };
    const bond = { bond: 'bond0', bond_mode: '802.3ad', vlans: [42] };
    expect(await interfaces(files)).toMatchObject([
      { mac: '3c:fd:fe:00:00:01', current_mac: null, ...bond },
      { mac: '3c:fd:fe:00:00:02', current_mac: '3c:fd:fe:00:00:01', ...bond },
    ]);
  });

  it('reads the permanent address of a bond member from sysfs', async () => {
    const files = nic('eth0', pci, {
      'bonding_slave/perm_hwaddr': '3c:fd:fe:00:00:09\n',
      master: { link: '/sys/devices/virtual/net/bond7' },
    });
    expect(await only(files)).toMatchObject({ mac: '3c:fd:fe:00:00:09', bond: 'bond7' });
  });

  it('lists the VLANs above an interface', async () => {
    const config = [
      'VLAN Dev name    | VLAN ID',
      'Name-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD',
      'eth0.1015      | 1015  | eth0',
      'eth0.7         | 7  | eth0',
      'bond0.8        | 8  | bond0',
    ].join('\n');
    const files = { ...nic('eth0', pci), '/proc/net/vlan/config': config };
    expect((await only(files)).vlans).toEqual([7, 1015]);
  });

  it('marks the port of a dock, which is a PCI card behind Thunderbolt', async () => {
    const removable = (value: string) => ({ [`/sys/devices/${pci}/removable`]: `${value}\n` });
    expect((await only({ ...nic('eth0', pci), ...removable('removable') })).is_docked).toBe(true);
    expect((await only({ ...nic('eth0', pci), ...removable('fixed') })).is_docked).toBeUndefined();
  });

  it('marks a virtual function whose physical function is on this host', async () => {
    const files = {
      ...nic('eth0', pci),
      [`/sys/devices/${pci}/physfn`]: { link: '../0000:02:00.0' },
    };
    expect((await only(files)).is_vf).toBe(true);
  });

  it("marks the BMC's USB NIC", async () => {
    const usb = 'pci0000:00/0000:00:14.0/usb1/1-14';
    const files = {
      ...nic('usb0', `${usb}/1-14:2.0`),
      [`/sys/devices/${usb}/1-14:2.0/uevent`]: 'DRIVER=cdc_ether\nPRODUCT=46b/ffb0/100\n',
    };
    expect(await only(files)).toMatchObject({ is_usb: true, is_bmc: true });
  });

  it('knows the NIC of a BMC of another vendor by its product name', async () => {
    const usb = 'pci0000:00/0000:00:14.0/usb1/1-3/1-3.1';
    const files = {
      ...nic('usb0', `${usb}/1-3.1:1.0`),
      [`/sys/devices/${usb}/1-3.1:1.0/uevent`]: 'DRIVER=cdc_ncm\nPRODUCT=1d6b/104/1\n',
      [`/sys/devices/${usb}/product`]: 'OpenBMC Virtual Ethernet\n',
    };
    expect(await only(files)).toMatchObject({ is_usb: true, is_bmc: true });
  });

  it('does not take a USB dongle for a BMC', async () => {
    const usb = 'pci0000:00/0000:00:14.0/usb2/2-1';
    const files = {
      ...nic('eth1', `${usb}/2-1:1.0`),
      [`/sys/devices/${usb}/2-1:1.0/uevent`]: 'DRIVER=r8152\nPRODUCT=bda/8153/3000\n',
    };
    expect(await only(files)).toMatchObject({ is_usb: true, is_bmc: false, driver: 'r8152' });
  });

  it('keeps the 20-byte address of InfiniBand apart', async () => {
    const address = '80:00:00:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:f9:bf:a1';
    const found: NetworkFacts = await read('network', nic('ib0', pci, { type: '32\n', address }));
    expect(found.interfaces).toEqual([]);
    expect(found.infiniband).toMatchObject([{ name: 'ib0', address, pci_address: '0000:02:00.1' }]);
  });

  it('lists netvsc and the virtual function below it once', async () => {
    const vmbus = 'LNXSYSTM:00/VMBUS:00/abc';
    const files = {
      ...nic('eth0', vmbus),
      [`/sys/devices/${vmbus}/uevent`]: 'DRIVER=hv_netvsc\n',
      ...nic('enP1p0s2', 'LNXSYSTM:00/VMBUS:00/def/pci0001:00/0001:00:02.0', {
        master: { link: '/sys/devices/LNXSYSTM:00/VMBUS:00/abc/net/eth0' },
      }),
    };
    expect((await interfaces(files)).map(({ name }) => name)).toEqual(['eth0']);
  });

  it('marks a wireless interface', async () => {
    const files = nic('wlan0', pci, { 'phy80211/index': '0' });
    expect((await only(files)).kind).toBe('wlan');
  });

  it('leaves the carrier open where the kernel does not tell', async () => {
    expect((await only(nic('eth0', pci, { carrier: '' }))).carrier).toBe(null);
  });

  it('reports what is denied and lists the port without it', async () => {
    const { found, problems } = await probe('network', nic('eth0', pci, { mtu: denied('mtu') }));
    expect(found?.interfaces[0]?.mtu).toBe(null);
    expect(codes(problems)).toEqual(['read.denied /sys/class/net/eth0/mtu']);
  });

  it('finds nothing on a host without files', async () => {
    expect(await read('network', {})).toEqual({ hostname: null, interfaces: [], infiniband: [] });
  });
});
