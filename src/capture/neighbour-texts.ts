// Rewrites what names a machine's neighbours, printed or as frames: only what the probe reads stays, with fakes for
// the switches' names and addresses.
import { normalizeMac } from '../identity/macs.ts';
import type { Neighbour } from '../model/hardware/network-interface.ts';
import { parseFrame } from '../probes/neighbours/frames.ts';
import { parseHeard, parseLldpctl, parseTcpdump } from '../probes/neighbours/printed.ts';
import type { Fakes } from './fakes.ts';
import { fakeOf } from './spellings.ts';

/** The commands by which the probe hears. */
export const neighbourPrints: readonly (readonly [
  RegExp,
  (text: string, fakes: Fakes) => string,
])[] = [
  [/^lldpctl -f keyvalue$/, rewriteLldpctl],
  [/^hear-neighbours /, rewriteHeard],
  [/^timeout .* tcpdump /, rewriteTcpdump],
];

function rewriteLldpctl(text: string, fakes: Fakes): string {
  const lines = [...parseLldpctl(text)].flatMap(([port, heard]) => {
    const { chassis, system, port: far, vlan } = withFakes(heard, fakes);
    const kind = normalizeMac(chassis ?? '') === undefined ? 'local' : 'mac';
    const told = [
      ['via', 'LLDP'],
      [`chassis.${kind}`, chassis],
      ['chassis.name', system],
      ['port.ifname', far],
      ['vlan.vlan-id', vlan],
      ['vlan.pvid', vlan === undefined ? undefined : 'yes'],
    ] as const;
    return told
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([key, value]) => `lldp.${port}.${key}=${value}\n`);
  });
  return lines.join('');
}

function rewriteHeard(text: string, fakes: Fakes): string {
  const lines = parseHeard(text).map(({ name, frame }) => {
    const fake = fakeFrame(frame, fakes);
    return fake === undefined ? '' : `${name} ${fake.toString('hex')}\n`;
  });
  return lines.join('');
}

function rewriteTcpdump(text: string, fakes: Fakes): string {
  const frame = parseTcpdump(text);
  const fake = frame && fakeFrame(frame, fakes)?.toString('hex');
  if (fake === undefined) return '';
  const rows = fake.match(/.{1,32}/g) ?? [];
  const hex = (row: string): string => row.replaceAll(/(.{4})(?=.)/g, '$1 ');
  return rows
    .map((row, i) => `\t0x${(i * 16).toString(16).padStart(4, '0')}:  ${hex(row)}\n`)
    .join('');
}

/** Undefined for a frame that names nobody. */
function fakeFrame(frame: Uint8Array, fakes: Fakes): Buffer | undefined {
  const heard = parseFrame(frame);
  const sender = Buffer.from(frame.subarray(6, 12)).toString('hex');
  return heard && frameOf(withFakes(heard, fakes), fakeOf(colons(sender), 'mac', fakes));
}

function withFakes({ chassis, system, port, ...rest }: Neighbour, fakes: Fakes): Neighbour {
  return {
    ...rest,
    ...(chassis && { chassis: fakeName(chassis, fakes) }),
    ...(system && { system: fakes.of(system) }),
    ...(port && { port: isPortName(port) ? port : fakeName(port, fakes) }),
  };
}

function fakeName(text: string, fakes: Fakes): string {
  const mac = normalizeMac(text);
  return mac === undefined ? fakes.of(text) : fakeOf(mac, 'mac', fakes);
}

/** The ways in which switches count their ports; anything else may be the name of what is at the other end. */
function isPortName(text: string): boolean {
  return /^(?:(?:ethernet|eth|fastethernet|fa|(?:two|ten|twentyfive|forty|hundred)?gig(?:abitethernet|e)?|gi|ge|te|tw|twe|fo|hu|xe|et|swp|port|lan|s?fp|qsfp)[ -]?)?\d+(?:[/:.]\d+)*$/i.test(
    text,
  );
}

/** The LLDP frame that says so.
 *  Source: IEEE 802.1AB 8; the VLAN is number 1 of IEEE 802.1's own fields. */
function frameOf({ chassis, system, port, vlan }: Neighbour, sender: string): Buffer {
  const mac = normalizeMac(chassis ?? '');
  return Buffer.concat([
    Buffer.from('0180c200000e', 'hex'),
    bytesOf(sender),
    Buffer.from([0x88, 0xcc]),
    ...(chassis
      ? [
          field(
            1,
            mac === undefined ? Buffer.from(`\u0007${chassis}`) : Buffer.from([4, ...bytesOf(mac)]),
          ),
        ]
      : []),
    ...(port ? [field(2, Buffer.from(`\u0005${port}`))] : []),
    ...(system ? [field(5, Buffer.from(system))] : []),
    ...(vlan ? [field(127, Buffer.from([0x00, 0x80, 0xc2, 0x01, vlan >> 8, vlan & 0xff]))] : []),
    field(0, Buffer.alloc(0)),
  ]);
}

function field(type: number, value: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from([(type << 1) | (value.length >> 8), value.length & 0xff]),
    value,
  ]);
}

function bytesOf(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

function colons(digits: string): string {
  return digits.replaceAll(/(..)(?=.)/g, '$1:');
}
