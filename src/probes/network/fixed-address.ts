// The fixed address that the netboot image was given instead of DHCP, in `ip=` of the kernel command line. Pure.
import type { FixedAddress, OwnAddress } from '../../model/network-setup.ts';
import { ipv4Number, ipv6Digits } from './ip-address.ts';

const octet = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const ipv4 = new RegExp(`^${octet}(?:\\.${octet}){3}$`);

/** undefined: DHCP, or an address that this host does not have.
 *  Source: kernel Documentation/admin-guide/nfs/nfsroot.rst, `ip=`; IPv6 in brackets and prefixes as
 *  initramfs/root/lib/dragonfly/network/static takes them. */
export function fixedAddress(
  parameters: ReadonlyMap<string, string>,
  own: readonly OwnAddress[],
): FixedAddress | undefined {
  const [client = '', , gateway = '', netmask = ''] = fieldsOf(parameters.get('ip') ?? '');
  const [address = '', given] = client.split('/');
  const prefix = prefixOf(address, given ?? netmask);
  const found = own.find((one) => isSame(one.address, address));
  if (prefix === undefined || found === undefined) return undefined;
  return {
    address: `${found.address}/${prefix}`,
    gateway: isAddress(gateway) ? gateway : null,
    interface: found.interface,
  };
}

/** Colons inside brackets separate nothing. */
function fieldsOf(text: string): string[] {
  const fields = text.match(/(?:\[[^\]]*\]|[^:[])*(?::|$)/g) ?? [];
  return fields.map((field) => field.replaceAll(/[[\]]|:$/g, ''));
}

/** "24", "255.255.255.0" or nothing → the length; undefined where it is none. */
function prefixOf(address: string, text: string): number | undefined {
  if (!isAddress(address)) return undefined;
  const isShort = ipv4.test(address);
  if (text === '') return isShort ? 24 : 64;
  if (ipv4.test(text)) return lengthOf(ipv4Number(text));
  const length = Number(text);
  return /^\d{1,3}$/.test(text) && length <= (isShort ? 32 : 128) ? length : undefined;
}

/** The number of leading ones; undefined where ones follow a zero. */
function lengthOf(mask: number): number | undefined {
  const ones = mask.toString(2).padStart(32, '0');
  return /^1*0*$/.test(ones) ? ones.replaceAll('0', '').length : undefined;
}

function isAddress(text: string): boolean {
  return ipv4.test(text) || (text.includes(':') && ipv6Digits(text) !== undefined);
}

function isSame(one: string, other: string): boolean {
  if (!one.includes(':')) return one === other;
  return other.includes(':') && ipv6Digits(one) === ipv6Digits(other);
}
