// Parses the output of programs that know neighbours: lldpd's client, tcpdump, the netboot image's listener. Pure.
import type { Neighbour } from '../../model/hardware/network-interface.ts';
import { clean } from '../reading.ts';

/** The neighbours that lldpd knows, by port: "lldp.eth0.port.ifname=Ethernet1/12".
 *  Source: `lldpctl -f keyvalue`. */
export function parseLldpctl(text: string): Map<string, Neighbour> {
  const found = new Map<string, Neighbour>();
  const better = new Map<string, number>();
  let vlan: number | undefined;
  let isFurther = false;
  for (const line of text.split('\n')) {
    const [, name = '', key = '', raw = ''] = /^lldp\.(.+?)\.([a-z][\w.-]*)=(.*)$/.exec(line) ?? [];
    const value = clean(raw).slice(0, 255);
    if (name === '' || value === '') continue;
    // Behind a switch that passes announcements on there may be several; the first one is taken as a whole.
    if (key === 'via') isFurther = found.has(name);
    if (isFurther) continue;
    const neighbour = found.get(name) ?? {};
    found.set(name, neighbour);
    if (key === 'chassis.name') neighbour.system = value;
    if (/^chassis\.(?:mac|local|ifname)$/.test(key)) neighbour.chassis = value;
    const rank = ['port.ifname', 'port.local', 'port.descr', 'port.mac'].indexOf(key);
    if (rank !== -1 && rank < (better.get(name) ?? Infinity)) {
      neighbour.port = value;
      better.set(name, rank);
    }
    if (key === 'vlan.vlan-id') vlan = Number(value);
    const isVlan = key === 'vlan.pvid' && value === 'yes' && vlan !== undefined;
    if (isVlan && vlan !== undefined && vlan > 0) neighbour.vlan = vlan;
  }
  return found;
}

/** The frame in what `tcpdump -xx` prints: "\t0x0010:  0207 0400 …". Undefined where it heard none. */
export function parseTcpdump(text: string): Uint8Array | undefined {
  const lines = [...text.matchAll(/^\s+0x[0-9a-f]{4}:((?: {1,2}[0-9a-f]{2,4})+)/gm)];
  if (lines.length === 0) return undefined;
  const digits = lines.map(([, words = '']) => words.replaceAll(' ', '')).join('');
  return new Uint8Array(Buffer.from(digits, 'hex'));
}

/** The frames that the image's listener heard: "eth0 0180c200000e…", one in each line. */
export function parseHeard(text: string): { name: string; frame: Uint8Array }[] {
  return [...text.matchAll(/^(\S{1,64}) ((?:[0-9a-f]{2})+)$/gm)].map(([, name = '', hex = '']) => ({
    name,
    frame: new Uint8Array(Buffer.from(hex, 'hex')),
  }));
}
