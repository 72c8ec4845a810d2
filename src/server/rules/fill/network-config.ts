// The network configuration of an installed system, as cloud-init's version 2 (netplan): the ports by MAC, with
// the bond and the VLANs that the machine is reached over. Addresses come by DHCP, unless the netboot image was given
// a fixed one. Pure.
import type { AgentReport, Machine } from '../../../model/machine.ts';
import type { StoredInterface } from '../../../model/hardware/network-interface.ts';
import { quoted, scalar } from './scalar.ts';

/** Matches ports by MAC: their names depend on the kernel and its drivers. */
export function networkConfig({ identity, hardware, report }: Machine): string {
  const mac = identity.primary_mac;
  const ports = hardware.network_interfaces;
  const primary = ports.find((port) => port.mac === mac);
  const bond = primary?.bond ?? null;
  // A bond in an unknown mode is written as one of its ports alone.
  const mode = primary?.bond_mode;
  const members = bond === null ? [] : ports.filter((port) => port.bond === bond);
  const vlans = [...new Set([primary, ...members].flatMap((port) => port?.vlans ?? []))];
  const name = report?.fixed_address?.interface ?? '';
  // A port that the machine is not reached over is not written, nor is its address given to another one.
  const isElsewhere = ports.some(
    (port) => port.name === name && port !== primary && !members.includes(port),
  );
  const fixed = isElsewhere ? undefined : fixedLines(report);
  const holder = fixed && holderOf(name, vlans);
  const own = holder === 'link' && fixed ? fixed : addressing(vlans.length === 0);
  const tags = tagged(bond === null || mode === undefined ? 'primary' : bond, vlans, (id) =>
    holder === id && fixed ? fixed : addressing(true),
  );
  const lines =
    bond === null || mode === undefined
      ? ['ethernets:', '  primary:', matching(mac), ...own, ...tags]
      : [...bonded(bond, mode, members), ...own, ...tags];
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

/** A port that carries VLANs has no address of its own, unless it was given one. */
function tagged(
  link: string,
  vlans: readonly number[],
  addressingOf: (vlan: number) => string[],
): string[] {
  if (vlans.length === 0) return [];
  const each = vlans.flatMap((id) => [
    `  vlan${id}:`,
    `    id: ${id}`,
    `    link: ${scalar(link)}`,
    ...addressingOf(id),
  ]);
  return ['vlans:', ...each];
}

/** The VLAN that has an interface's address, or the port or bond below them. */
function holderOf(name: string, vlans: readonly number[]): number | 'link' {
  const named = /^(?:vlan|.*\.)0*(\d+)$/.exec(name)?.[1];
  return vlans.find((id) => id === Number(named)) ?? 'link';
}

const isAddress = /^[0-9a-f:.]{2,45}$/i;
const hasPrefix = /^[0-9a-f:.]{2,45}\/\d{1,3}$/i;

/** undefined: by DHCP. Routes are written as every renderer of cloud-init takes them. */
function fixedLines(report: AgentReport | undefined): string[] | undefined {
  const { address, gateway = null } = report?.fixed_address ?? {};
  if (address === undefined || !hasPrefix.test(address)) return undefined;
  const all = address.includes(':') ? '::/0' : '0.0.0.0/0';
  const servers = (report?.nameservers ?? []).filter((server) => isAddress.test(server));
  return [
    ...addressing(false),
    `    addresses: [${quoted(address)}]`,
    ...(gateway !== null && isAddress.test(gateway)
      ? [`    routes: [{ to: ${quoted(all)}, via: ${quoted(gateway)} }]`]
      : []),
    ...(servers.length > 0
      ? [`    nameservers: { addresses: [${servers.map(quoted).join(', ')}] }`]
      : []),
  ];
}

function matching(mac: string): string {
  return `    match: { macaddress: ${quoted(mac)} }`;
}

function addressing(isOn: boolean): string[] {
  return [`    dhcp4: ${isOn}`, `    dhcp6: ${isOn}`];
}
