import { parse } from 'yaml';
import { expect, it } from 'vitest';
import type { StoredInterface } from '../../../../src/model/hardware/network-interface.ts';
import { networkConfig } from '../../../../src/server/rules/fill/network-config.ts';
import { newMachine } from '../machine.ts';

function configOf(...ports: Partial<StoredInterface>[]): unknown {
  const machine = newMachine();
  const network_interfaces = ports.map((port, i) => ({
    name: `eth${i}`,
    mac: `02:00:00:00:00:0${7 + i}`,
    speed_mbps: null,
    ...port,
  }));
  return parse(
    networkConfig({ ...machine, hardware: { ...machine.hardware, network_interfaces } }),
  );
}

const match = (n: number) => ({ macaddress: `02:00:00:00:00:0${n}` });
const dhcp = { dhcp4: true, dhcp6: true };
const none = { dhcp4: false, dhcp6: false };

it('is DHCP on the primary port, found by its MAC, whatever others there are', () => {
  const expected = { version: 2, ethernets: { primary: { match: match(7), ...dhcp } } };
  expect(configOf()).toEqual(expected);
  expect(configOf({}, {}, { bond: 'bond1' })).toEqual(expected);
});

it('keeps the bond of the primary port', () => {
  const lacp = { bond: 'bond0', bond_mode: '802.3ad' };
  expect(configOf(lacp, lacp, { ...lacp, bond: 'bond1' })).toEqual({
    version: 2,
    ethernets: { port0: { match: match(7), ...none }, port1: { match: match(8), ...none } },
    bonds: {
      bond0: {
        interfaces: ['port0', 'port1'],
        parameters: { mode: '802.3ad', 'mii-monitor-interval': 100 },
        ...dhcp,
      },
    },
  });
});

it('takes no name that a port says for more than a name', () => {
  const lacp = { bond: 'bond0:\n  x: 1', bond_mode: '1\nrenderer: x' };
  expect(configOf(lacp)).toEqual({
    version: 2,
    ethernets: { port0: { match: match(7), ...none } },
    bonds: {
      [lacp.bond]: {
        interfaces: ['port0'],
        parameters: { mode: lacp.bond_mode, 'mii-monitor-interval': 100 },
        ...dhcp,
      },
    },
  });
});

it('uses the primary port alone of a bond whose mode is not known', () => {
  expect(configOf({ bond: 'bond0' }, { bond: 'bond0' })).toEqual({
    version: 2,
    ethernets: { primary: { match: match(7), ...dhcp } },
  });
});

it('keeps the VLANs, on the port or the bond that carries them', () => {
  expect(configOf({ vlans: [42] })).toEqual({
    version: 2,
    ethernets: { primary: { match: match(7), ...none } },
    vlans: { vlan42: { id: 42, link: 'primary', ...dhcp } },
  });
  const bond_mode = 'active-backup';
  expect(configOf({ bond: 'bond0', bond_mode, vlans: [42] })).toMatchObject({
    bonds: { bond0: none },
    vlans: { vlan42: { id: 42, link: 'bond0' } },
  });
});
