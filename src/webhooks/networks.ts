// The addresses that webhooks may be posted to: those of the public internet, and the networks that the server's
// operator allows besides. Anything else would let a webhook reach what only the server can.
import { BlockList, isIP } from 'node:net';
import { AppError } from '../core/errors.ts';

/** Source: the IANA special-purpose address registries (RFC 6890), and the ranges that carry an IPv4 address within
 *  (RFC 6052, 3056, 4380), behind which any other may be. */
const special4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
];
/** The public internet of IPv6 is within this one alone. */
const global6 = '2000::/3';
/** An IPv4 address written as one of IPv6 (RFC 4291, section 2.5.5.2): it is what it stands for. Not so those of
 *  ::ffff:0:0:0/96 (RFC 2765), which only look like it and which a translator may lead inside. */
const mapped4 = '::ffff:0:0/96';
const special6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const bits = { ipv4: 32, ipv6: 128 } as const;

export class Networks {
  readonly #special = new BlockList();
  /** Those of IPv6 that may be on the public internet. */
  readonly #outside6 = new BlockList();
  readonly #allowed = new BlockList();

  /** `allowed`: addresses and networks, such as "10.0.0.0/8, ::1", separated by commas.
   *  Errors: AppError `config.invalid`. */
  constructor(allowed: string) {
    for (const network of [...special4, ...special6]) add(this.#special, network);
    for (const network of [global6, mapped4]) add(this.#outside6, network);
    for (const text of allowed.split(',').map((part) => part.trim())) {
      if (text !== '') add(this.#allowed, text);
    }
  }

  /** True for an address that may be posted to. */
  allow(address: string): boolean {
    const [plain = ''] = address.split('%');
    const family = familyOf(plain);
    if (family === undefined) return false;
    if (this.#allowed.check(plain, family)) return true;
    if (family === 'ipv6' && !this.#outside6.check(plain, 'ipv6')) return false;
    return !this.#special.check(plain, family);
  }
}

function add(list: BlockList, network: string): void {
  const [address = '', length, more] = network.split('/');
  const family = familyOf(address);
  const most = family === undefined ? 0 : bits[family];
  const prefix = length === undefined ? most : Number(length);
  const isLength = length === undefined || /^\d{1,3}$/.test(length);
  if (family === undefined || !isLength || prefix > most || more !== undefined) {
    throw new AppError(
      'config.invalid',
      `"${network}" is not a network: write addresses and networks as 10.0.0.0/8,fd00::/8`,
    );
  }
  list.addSubnet(address, prefix, family);
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  return version === 0 ? undefined : version === 4 ? 'ipv4' : 'ipv6';
}
