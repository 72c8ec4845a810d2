// A physical network port: as the inventory has it, as a check-in tells it and as the record keeps it.
import { Type, type Static } from 'typebox';
import { nullable, U32 } from '../fields.ts';

/** The other end of a port's cable, as it announces itself (LLDP, CDP). */
export const Neighbour = Type.Object({
  system: Type.Optional(nullable(Type.String({ description: "the switch's name" }))),
  chassis: Type.Optional(nullable(Type.String({ description: 'its id: often a MAC address' }))),
  port: Type.Optional(nullable(Type.String({ description: '"Ethernet1/12"' }))),
  vlan: Type.Optional(nullable(U32({ description: 'untagged on that port' }))),
});
export type Neighbour = Static<typeof Neighbour>;

export const NetworkInterface = Type.Object({
  name: Type.String({ description: 'eth0, enp0s3' }),
  mac: Type.String({ description: 'the permanent address, lower case with colons' }),
  mac_origin: Type.Optional(
    Type.Enum(['random', 'set'], {
      description:
        'the kernel made the address up at this boot, or somebody set it; absent: neither',
    }),
  ),
  speed_mbps: nullable(U32()),
  current_mac: nullable(
    Type.String({ description: "where it differs from the permanent one: a bond member's" }),
  ),
  driver: nullable(Type.String()),
  pci_address: nullable(Type.String({ description: '0000:03:00.0' })),
  carrier: nullable(Type.Boolean()),
  mtu: nullable(U32()),
  kind: Type.Enum(['ethernet', 'infiniband', 'wlan']),
  is_usb: Type.Boolean(),
  is_docked: Type.Optional(
    Type.Boolean({ description: 'in a dock on Thunderbolt or USB4; absent: not' }),
  ),
  is_bmc: Type.Boolean({ description: "a BMC's port towards its own host" }),
  is_vf: Type.Boolean({
    description: 'a virtual function whose physical function is on this host',
  }),
  bond: nullable(Type.String()),
  bond_mode: Type.Optional(Type.String({ description: '802.3ad, active-backup …' })),
  neighbour: Type.Optional(Neighbour),
  vlans: Type.Array(U32()),
});
export type NetworkInterface = Static<typeof NetworkInterface>;

/** The schema's fields and our additions. A newer agent may name other kinds. */
export const StoredInterface = Type.Object({
  ...Type.Partial(NetworkInterface).properties,
  ...Type.Pick(NetworkInterface, ['name', 'mac', 'speed_mbps']).properties,
  kind: Type.Optional(Type.String({ description: 'ethernet, infiniband, wlan' })),
});
export type StoredInterface = Static<typeof StoredInterface>;

export const CheckinInterface = Type.Object({
  ...Type.Partial(StoredInterface).properties,
  ...Type.Pick(StoredInterface, ['name', 'mac']).properties,
});
export type CheckinInterface = Static<typeof CheckinInterface>;

/** An IP-over-InfiniBand interface: its 20-byte address is no MAC. */
export interface InfinibandPort extends Pick<
  NetworkInterface,
  'name' | 'speed_mbps' | 'driver' | 'pci_address' | 'carrier'
> {
  address: string;
}
