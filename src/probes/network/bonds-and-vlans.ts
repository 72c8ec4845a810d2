// Bonds and VLANs of this host: the interfaces that lie above its ports.
import type { Reading } from '../reading.ts';
import { parseBonding, parseBondMode, parseVlans } from './proc-net.ts';

/** A port of a bond. */
export interface BondMember {
  bond: string;
  mode: string | undefined;
  /** The one it had before it joined, which the bond overwrote. */
  address: string;
}

/** The ports of bonds by their names. Source: /proc/net/bonding. */
export async function readBondMembers(read: Reading): Promise<Map<string, BondMember>> {
  const members = new Map<string, BondMember>();
  const bonds = (await read.list('/proc/net/bonding')) ?? [];
  const texts = await Promise.all(bonds.map((bond) => read.text(`/proc/net/bonding/${bond}`)));
  for (const [i, bond] of bonds.entries()) {
    const text = texts[i] ?? '';
    const mode = parseBondMode(text);
    for (const [name, address] of parseBonding(text)) members.set(name, { bond, mode, address });
  }
  return members;
}

/** The VLANs by the name of the port below them. Source: /proc/net/vlan/config. */
export async function readVlans(read: Reading): Promise<Map<string, number[]>> {
  return parseVlans((await read.text('/proc/net/vlan/config')) ?? '');
}
