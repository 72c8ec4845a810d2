import { expect, it } from 'vitest';
import type { OwnAddress } from '../../../src/model/network-setup.ts';
import { fixedAddress } from '../../../src/probes/network/fixed-address.ts';
import { parseKernelCommandLine } from '../../../src/probes/kernel-command-line.ts';

const own = ['10.0.0.5', 'fd00::5', 'fe80::1'].map((address): OwnAddress => ({
  address,
  interface: 'eth0',
  mac: '02:00:00:00:00:01',
  is_up: true,
  scope: 'global',
}));

it.each([
  ['ip=10.0.0.5::10.0.0.1:255.255.255.128:node:eth0:none:10.0.0.2', '10.0.0.5/25 10.0.0.1'],
  ['ip=10.0.0.5::10.0.0.1:22', '10.0.0.5/22 10.0.0.1'],
  ['ip=10.0.0.5/16::10.0.0.1', '10.0.0.5/16 10.0.0.1'],
  ['ip=10.0.0.5', '10.0.0.5/24 null'],
  ['ip=[fd00:0::5]::[fd00::1]:56::eth0:none', 'fd00::5/56 fd00::1'],
  ['ip=[fd00::5/48]::[fd00::1]', 'fd00::5/48 fd00::1'],
  ['ip=[fd00::5]', 'fd00::5/64 null'],
  // A gateway that is no address, and a mask that is none.
  ['ip=10.0.0.5::router:24', '10.0.0.5/24 null'],
  ['ip=10.0.0.5::10.0.0.1:255.0.255.0', undefined],
  ['ip=10.0.0.5::10.0.0.1:33', undefined],
  // An address of another host, and none at all.
  ['ip=10.0.0.6::10.0.0.1:24', undefined],
  ['ip=dhcp', undefined],
  ['ip=:::::eth0:dhcp', undefined],
  ['ip=[', undefined],
  ['quiet', undefined],
])('of "%s" it is %s', (cmdline, expected) => {
  const found = fixedAddress(parseKernelCommandLine(cmdline), own);
  expect(found && `${found.address} ${String(found.gateway)}`).toBe(expected);
});
