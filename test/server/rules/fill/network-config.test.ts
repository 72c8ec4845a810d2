import { parse } from 'yaml';
import { expect, it } from 'vitest';
import type { AgentReport } from '../../../../src/model/machine.ts';
import type { StoredInterface } from '../../../../src/model/hardware/network-interface.ts';
import { networkConfig } from '../../../../src/server/rules/fill/network-config.ts';
import { emptyReport, newMachine } from '../machine.ts';

const report: AgentReport = { ...emptyReport, agent_version: '0.2.0' };

function configOf(...ports: Partial<StoredInterface>[]): unknown {
  return reported(undefined, ports);
}

function reported(
  told: AgentReport | undefined,
  ports: readonly Partial<StoredInterface>[],
): unknown {
  const machine = newMachine();
  const network_interfaces = ports.map((port, i) => ({
    name: `eth${i}`,
    mac: `02:00:00:00:00:0${7 + i}`,
    speed_mbps: null,
    ...port,
  }));
  return parse(
    networkConfig({
      ...machine,
      hardware: { ...machine.hardware, network_interfaces },
      ...(told && { report: told }),
    }),
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

it('is the fixed address that the netboot image was given, with its gateway and name servers', () => {
  const given = (
    fixed_address: NonNullable<AgentReport['fixed_address']>,
    ...ports: Partial<StoredInterface>[]
  ): unknown => {
    return reported({ ...report, nameservers: ['10.0.0.2', 'no address'], fixed_address }, ports);
  };
  const fixed = {
    ...none,
    addresses: ['10.0.0.5/24'],
    routes: [{ to: '0.0.0.0/0', via: '10.0.0.1' }],
    nameservers: { addresses: ['10.0.0.2'] },
  };
  const address = { address: '10.0.0.5/24', gateway: '10.0.0.1', interface: 'eth0' };
  expect(given(address)).toEqual({
    version: 2,
    ethernets: { primary: { match: match(7), ...fixed } },
  });
  // On the VLAN that has it, or below them all.
  expect(given({ ...address, interface: 'eth0.42' }, { vlans: [42, 43] })).toEqual({
    version: 2,
    ethernets: { primary: { match: match(7), ...none } },
    vlans: {
      vlan42: { id: 42, link: 'primary', ...fixed },
      vlan43: { id: 43, link: 'primary', ...dhcp },
    },
  });
  expect(given(address, { vlans: [42] })).toMatchObject({
    ethernets: { primary: fixed },
    vlans: { vlan42: dhcp },
  });
  expect(
    given({ ...address, interface: 'bond0' }, { bond: 'bond0', bond_mode: '802.3ad' }),
  ).toMatchObject({ ethernets: { port0: none }, bonds: { bond0: fixed } });
  expect(given({ address: 'fd00::5/64', gateway: 'fd00::1' })).toMatchObject({
    ethernets: { primary: { addresses: ['fd00::5/64'], routes: [{ to: '::/0', via: 'fd00::1' }] } },
  });
  expect(given({ address: '10.0.0.5/24' })).not.toMatchObject({
    ethernets: { primary: { routes: expect.anything() } },
  });
  // Another port's is not the primary one's.
  expect(given({ ...address, interface: 'eth1' }, {}, {})).toEqual({
    version: 2,
    ethernets: { primary: { match: match(7), ...dhcp } },
  });
  const lacp = { bond: 'bond0', bond_mode: '802.3ad' };
  expect(given({ ...address, interface: 'eth1' }, lacp, lacp)).toMatchObject({
    bonds: { bond0: fixed },
  });
  // No text of a machine is more than an address.
  expect(given({ address: '1]\nrenderer: x/24' })).toEqual({
    version: 2,
    ethernets: { primary: { match: match(7), ...dhcp } },
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
