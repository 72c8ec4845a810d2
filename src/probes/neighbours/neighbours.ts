// The other ends of the network cables. lldpd is asked where it runs; else the ports are listened to, on request
// alone, as switches announce themselves every 30 seconds.
import type { Neighbour } from '../../model/hardware/network-interface.ts';
import type { NeighbourFacts } from '../../model/inventory.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';
import { parseFrame } from './frames.ts';
import { parseHeard, parseLldpctl, parseTcpdump } from './printed.ts';

/** Switches announce themselves every 30 seconds. */
export const listenSeconds = 31;

const base = '/sys/class/net';
const frames = 'ether proto 0x88cc or ether dst 01:00:0c:cc:cc:cc';

/** Source: `lldpctl`, the netboot image's `hear-neighbours`, else `tcpdump`: Node has no packet sockets. A port
 *  that heard nothing is left out. Errors: reports exec.failed where nothing can listen. */
export const neighboursProbe: Probe<'neighbours'> = {
  name: 'neighbours',
  async read(root, report) {
    const read = new Reading(root, 'neighbours', report);
    const known = await askLldpd(read);
    if (known !== undefined) return known;
    const ports = await portsWithLink(read);
    const seconds = String(listenSeconds);
    const heard = ports.length > 0 && (await read.exec('hear-neighbours', [seconds, ...ports]));
    if (typeof heard === 'string') return factsOf(heardBy(heard));
    const each = await Promise.all(ports.map((port) => readTcpdump(read, port)));
    return each.some((one) => one === null) ? undefined : each.flatMap((one) => one ?? []);
  },
};

/** Asks lldpd alone, which takes no time. */
export const lldpdProbe: Probe<'neighbours'> = {
  name: 'neighbours',
  read: (root, report) => askLldpd(new Reading(root, 'neighbours', report)),
};

/** Undefined where it does not run. */
async function askLldpd(read: Reading): Promise<NeighbourFacts | undefined> {
  const known = await read.quietly().exec('lldpctl', ['-f', 'keyvalue']);
  return known === undefined ? undefined : factsOf(parseLldpctl(known));
}

/** Physical Ethernet ports; a port without a link hears nothing. */
async function portsWithLink(read: Reading): Promise<string[]> {
  const names = (await read.list(base)) ?? [];
  const found = await Promise.all(
    names.map(async (name) => {
      const [device, type, carrier] = await Promise.all([
        read.link(`${base}/${name}/device`),
        read.value(`${base}/${name}/type`),
        read.value(`${base}/${name}/carrier`),
      ]);
      const isPhysical = device !== undefined && !device.startsWith('/sys/devices/virtual/');
      return isPhysical && type === '1' && carrier === '1';
    }),
  );
  return names.filter((_, i) => found[i]);
}

/** null where nothing could listen, which is reported; undefined where nothing was heard. */
async function readTcpdump(
  read: Reading,
  name: string,
): Promise<NeighbourFacts[number] | null | undefined> {
  const listen = ['-i', name, '-l', '-nn', '-xx', '-s', '1600', '-c', '1', frames];
  const limit = ['--preserve-status', '--signal=INT', String(listenSeconds)];
  const args = [...limit, 'tcpdump', ...listen];
  const text = await read.exec('timeout', args);
  if (text === undefined) {
    if (!read.refused(['timeout', ...args].join(' '))) {
      read.problem('exec.failed', 'tcpdump', 'no tcpdump and no lldpd to hear neighbours with');
    }
    return null;
  }
  const frame = parseTcpdump(text);
  const neighbour = frame && parseFrame(frame);
  return neighbour && { interface: name, neighbour };
}

/** The first announcement at a port counts; LLDP and CDP of one switch complete each other. */
function heardBy(text: string): Map<string, Neighbour> {
  const found = new Map<string, Neighbour>();
  const senders = new Map<string, string>();
  for (const { name, frame } of parseHeard(text)) {
    const neighbour = parseFrame(frame);
    const sender = frame.subarray(6, 12).join(':');
    if (neighbour === undefined || (senders.get(name) ?? sender) !== sender) continue;
    senders.set(name, sender);
    found.set(name, { ...neighbour, ...found.get(name) });
  }
  return found;
}

function factsOf(neighbours: ReadonlyMap<string, Neighbour>): NeighbourFacts {
  return [...neighbours].map(([name, neighbour]) => ({ interface: name, neighbour }));
}
