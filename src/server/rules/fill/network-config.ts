// The network configuration of an installed system, as cloud-init's version 2 (netplan): the ports by MAC, with
// the bond and the VLANs that the machine is reached over. Addresses come by DHCP. Pure.
import type { Machine } from '../../../model/machine.ts';
import type { StoredInterface } from '../../../model/hardware/network-interface.ts';
import { quoted, scalar } from './scalar.ts';

/** Matches ports by MAC: their names depend on the kernel and its drivers. */
export function networkConfig({ identity, hardware }: Machine): string {
  const mac = identity.primary_mac;
  const ports = hardware.network_interfaces;
  const primary = ports.find((port) => port.mac === mac);
  const bond = primary?.bond ?? null;
  // A bond in an unknown mode is written as one of its ports alone.
  const mode = primary?.bond_mode;
  const members = bond === null ? [] : ports.filter((port) => port.bond === bond);
  const vlans = [...new Set([primary, ...members].flatMap((port) => port?.vlans ?? []))];
  const own = addressing(vlans.length === 0);
  const lines =
    bond === null || mode === undefined
      ? ['ethernets:', '  primary:', matching(mac), ...own, ...tagged('primary', vlans)]
      : [...bonded(bond, mode, members), ...own, ...tagged(bond, vlans)];
  return ['version: 2', ...lines, ''].join('\n');
}

function bonded(bond: string, mode: string, members: readonly StoredInterface[]): string[] {
  const names = members.map((_, i) => `port${i}`);
  return [
    'ethernets:',
    ...members.flatMap(({ mac }, i) => [`  port${i}:`, matching(mac), ...addressing(false)]),
    'bonds:',
    `  ${scalar(bond)}:`,
    `    interfaces: [${names.join(', ')}]`,
    `    parameters: { mode: ${scalar(mode)}, mii-monitor-interval: 100 }`,
  ];
}

/** A port that carries VLANs has no address of its own. */
function tagged(link: string, vlans: readonly number[]): string[] {
  if (vlans.length === 0) return [];
  const each = vlans.flatMap((id) => [
    `  vlan${id}:`,
    `    id: ${id}`,
    `    link: ${scalar(link)}`,
    ...addressing(true),
  ]);
  return ['vlans:', ...each];
}

function matching(mac: string): string {
  return `    match: { macaddress: ${quoted(mac)} }`;
}

function addressing(isOn: boolean): string[] {
  return [`    dhcp4: ${isOn}`, `    dhcp6: ${isOn}`];
}
