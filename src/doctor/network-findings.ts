// Findings about the network: link, address and route.
import type { Facts } from '../model/inventory.ts';
import type { Reading } from '../probes/reading.ts';
import { wiredNics } from './device-findings.ts';
import { fail, pass, warn, type Finding } from './finding.ts';
import type { KernelLog } from './kernel-log.ts';

/** A switch port with spanning tree passes traffic 30 to 50 s after its link came up. */
const spanningTreeSeconds = 50;

export function linkFindings(facts: Partial<Facts>, log: KernelLog | undefined): Finding[] {
  const nics = wiredNics(facts);
  if (nics.length === 0) return [];
  const up = nics.filter((nic) => nic.carrier === true);
  if (up.length > 0) {
    return [pass('link', up.map((nic) => `${nic.name} is up${cameUp(nic.name, log)}`).join(', '))];
  }
  const text = nics.map(({ name, carrier }) =>
    carrier === false ? `${name} has no link` : `${name} is switched off`,
  );
  const isOff = nics.every((nic) => nic.carrier === null);
  const next = isOff
    ? `switch one on: ip link set ${nics[0]?.name ?? ''} up`
    : 'check the cable and the switch port; for optics, that both ends agree on speed and FEC';
  return [fail('link', text.join(', '), next)];
}

function cameUp(name: string, log: KernelLog | undefined): string {
  const link = log?.links.get(name);
  return link === undefined
    ? ''
    : ` (${(link.upSeconds - link.firstSeconds).toFixed(1)} s after its driver)`;
}

/** The flags by which Intel's cards keep LLDP to themselves, by driver, and the value that gives it to the host. */
const lldpFlags: Readonly<Record<string, readonly [flag: string, free: 'on' | 'off']>> = {
  i40e: ['disable-fw-lldp', 'on'],
  ice: ['fw-lldp-agent', 'off'],
};

/** Cards whose firmware answers LLDP itself, so that no neighbour is heard. Changing it is for a person to decide.
 *  Source: `ethtool --show-priv-flags`. */
export async function lldpFindings(read: Reading, facts: Partial<Facts>): Promise<Finding[]> {
  const found = await Promise.all(
    wiredNics(facts).map(async ({ name, driver }) => {
      const [flag, free] = lldpFlags[driver ?? ''] ?? [];
      if (flag === undefined || free === undefined) return [];
      const text = (await read.exec('ethtool', ['--show-priv-flags', name])) ?? '';
      const state = new RegExp(`^${flag}\\s*: (on|off)$`, 'm').exec(text)?.[1];
      if (state === undefined || state === free) return [];
      return [
        warn(
          'LLDP',
          `the firmware of ${name} keeps LLDP to itself: its switch port is not known here`,
          `unless storage or DCB need it there: ethtool --set-priv-flags ${name} ${flag} ${free}`,
        ),
      ];
    }),
  );
  return found.flat();
}

/** Source: /proc/uptime, beside the facts. */
export async function addressFindings(
  read: Reading,
  facts: Partial<Facts>,
  log: KernelLog | undefined,
): Promise<Finding[]> {
  if (facts.addresses === undefined) return [];
  const usable = facts.addresses.filter(({ scope }) => scope === 'global');
  if (usable.length > 0) {
    return [pass('address', usable.map(({ address }) => address).join(', '))];
  }
  const name = wiredNics(facts).find((nic) => nic.carrier === true)?.name;
  const link = name === undefined ? undefined : log?.links.get(name);
  const uptime = Number.parseFloat((await read.value('/proc/uptime')) ?? '');
  const age = link === undefined ? Number.NaN : uptime - link.upSeconds;
  const since = Number.isNaN(age)
    ? ''
    : `; the link of ${name} came up ${age.toFixed(0)} s ago${cameUp(name ?? '', log)}`;
  const next =
    age < spanningTreeSeconds
      ? `wait: a switch port with spanning tree passes traffic ${spanningTreeSeconds} s after its link; make it an edge port (portfast)`
      : 'check whether the DHCP server sees the request: VLAN of the port, relay, free leases';
  return [fail('address', `only link-local addresses${since}`, next)];
}

export function routeFindings({ routes }: Partial<Facts>): Finding[] {
  if (routes === undefined) return [];
  const route = routes.default;
  if (route === null) {
    return [
      warn(
        'route',
        'no default route: only servers in the same network can be reached',
        'have DHCP offer a router (option 3), or run: ip route add default via ADDRESS',
      ),
    ];
  }
  const by = route.gateway === null ? '' : ` via ${route.gateway}`;
  return [pass('route', `default over ${route.interface}${by}`)];
}
