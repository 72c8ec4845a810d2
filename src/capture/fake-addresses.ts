// Makes fakes for IP addresses. Addresses of one network stay in one network, and special blocks (private,
// loopback, link-local) keep their meaning, so that the probes decide as before.
import { ipv4Number, ipv4Text, ipv6Digits, ipv6Text } from '../probes/network/ip-address.ts';
import type { Fakes } from './fakes.ts';
import { fakeOf, interfaceId, macOfInterfaceId } from './spellings.ts';

/** Blocks with a meaning of their own. Source: RFC 6890. */
const special: readonly (readonly [block: string, length: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
];

/** The bits to replace. The last byte says nothing without those before it. */
const fakedBits = 24;

/** Returns the fake of a dotted address. Netmasks, multicast and loopback addresses stay. */
export function fakeIpv4(address: string, fakes: Fakes): string {
  const number = ipv4Number(address);
  const first = number >>> 24;
  if (first === 0 || first === 127 || first >= 224) return address;
  let fake = number;
  for (let i = 0; i < fakedBits; i++) {
    if (isOnWayToBlock(number, i)) continue;
    // A flip depends only on the bits before it, so common prefixes stay common.
    const before = i === 0 ? 0 : number >>> (32 - i);
    if ((fakes.random(`ipv4 ${i} ${before}`)[0] ?? 0) & 1) fake ^= 1 << (31 - i);
  }
  return ipv4Text(fake >>> 0);
}

/** True if flipping bit `i` could move an address into a special block or out of one. */
function isOnWayToBlock(number: number, i: number): boolean {
  return special.some(
    ([block, length]) => i < length && (i === 0 || (number ^ ipv4Number(block)) >>> (32 - i) === 0),
  );
}

/** Returns the fake of an address in 32 hex digits. Groups of zeros stay, and so does the first byte, which
 *  gives the kind of address. An interface id made from a MAC becomes that of the MAC's fake. */
export function fakeIpv6Digits(digits: string, fakes: Fakes): string {
  const lower = digits.toLowerCase();
  if (/^(0{31}[01]|ff.*)$/.test(lower)) return lower;
  const groups = lower.match(/.{4}/g) ?? [];
  const isLinkLocal = /^fe[89ab]/.test(lower);
  const faked = groups.map((group, i) => {
    if (group === '0000' || (i === 0 && isLinkLocal)) return group;
    const [high = 0, low = 0] = fakes.random(`ipv6 ${groups.slice(0, i + 1).join('')}`);
    const text = ((high << 8) | low | 1).toString(16).padStart(4, '0');
    return i === 0 ? group.slice(0, 2) + text.slice(2) : text;
  });
  const mac = macOfInterfaceId(lower.slice(16));
  const id = mac === undefined ? faked.slice(4).join('') : interfaceId(fakeOf(mac, 'mac', fakes));
  return faked.slice(0, 4).join('') + id;
}

/** Returns the fake of an address in text form; undefined for any other text. */
export function fakeAddress(text: string, fakes: Fakes): string | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return fakeIpv4(text, fakes);
  const digits = ipv6Digits(text);
  return digits === undefined ? undefined : ipv6Text(fakeIpv6Digits(digits, fakes));
}
