// Parses files of /proc/net that are meant for people. Pure.

/** The members of a bond with their permanent addresses.
 *  Source: /proc/net/bonding/<bond>, kernel drivers/net/bonding/bond_procfs.c. */
export function parseBonding(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let member: string | undefined;
  for (const line of text.split('\n')) {
    const name = /^Slave Interface: (\S+)/.exec(line)?.[1];
    if (name !== undefined) member = name;
    const address = /^Permanent HW addr: ((?:[0-9a-f]{2}:){5}[0-9a-f]{2})\s*$/i.exec(line)?.[1];
    if (address !== undefined && member !== undefined) members.set(member, address.toLowerCase());
  }
  return members;
}

/** The mode of a bond, as netplan and the kernel's parameter name it; undefined for one that is not known.
 *  Source: bond_mode_name() in drivers/net/bonding/bond_main.c. */
export function parseBondMode(text: string): string | undefined {
  const told = /^Bonding Mode: (.+)$/m.exec(text)?.[1] ?? '';
  return bondModes.find(([prefix]) => told.startsWith(prefix))?.[1];
}

const bondModes = [
  ['load balancing (round-robin)', 'balance-rr'],
  ['fault-tolerance (active-backup)', 'active-backup'],
  ['load balancing (xor)', 'balance-xor'],
  ['fault-tolerance (broadcast)', 'broadcast'],
  ['IEEE 802.3ad Dynamic link aggregation', '802.3ad'],
  ['transmit load balancing', 'balance-tlb'],
  ['adaptive load balancing', 'balance-alb'],
] as const;

/** The VLAN ids above each interface, ascending.
 *  Source: /proc/net/vlan/config, lines "eth0.100 | 100 | eth0". */
export function parseVlans(text: string): Map<string, number[]> {
  const vlans = new Map<string, number[]>();
  for (const line of text.split('\n')) {
    const [, id, parent] = /^\S+\s*\|\s*(\d{1,4})\s*\|\s*(\S+)\s*$/.exec(line) ?? [];
    if (id === undefined || parent === undefined) continue;
    vlans.set(
      parent,
      [...(vlans.get(parent) ?? []), Number(id)].toSorted((a, b) => a - b),
    );
  }
  return vlans;
}
