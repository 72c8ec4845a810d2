// The setup of a machine's network: addresses, routes, name servers, DHCP leases. Its ports are in
// hardware/.
import { Type, type Static } from 'typebox';
import { nullable } from './fields.ts';

/** An address that was set instead of asking DHCP. */
export const FixedAddress = Type.Object({
  address: Type.String({ description: 'with its prefix: 10.0.0.5/24, fd00::5/64' }),
  gateway: Type.Optional(nullable(Type.String())),
  interface: Type.Optional(
    nullable(Type.String({ description: 'that has it: eth0, eth0.100, bond0' })),
  ),
});
export type FixedAddress = Static<typeof FixedAddress>;

/** An IP address of this machine. */
export interface OwnAddress {
  /** "10.0.0.5", "fd00::2" */
  address: string;
  /** Its port; null if that is not known. */
  interface: string | null;
  /** The MAC of that port, lower case with colons. */
  mac: string | null;
  /** True if the port has a link. */
  is_up: boolean;
  /** The scope of the address. */
  scope: 'global' | 'link' | 'host';
}

export interface RouteFacts {
  /** The default route in use; null if there is none. */
  default: { interface: string; gateway: string | null } | null;
}

export interface ResolverFacts {
  nameservers: readonly string[];
  /** The domain to search first. */
  domain: string | null;
}

/** A DHCP lease. */
export interface Lease {
  /** The file, for people. */
  source: string;
  /** The server's address, from the site-specific option 224. */
  url?: string;
  /** The DNS domain, option 15. */
  domain?: string;
  /** The leased address is none of the host's: the lease has expired, or is another host's. */
  is_old?: true;
}
