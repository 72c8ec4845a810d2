// The management controller on a machine's board, as the machine itself sees it. How operators reach and
// sign in to it is in the record's config.
import { Type, type Static } from 'typebox';
import { nullable } from '../fields.ts';

export const Bmc = Type.Object({
  is_present: Type.Boolean(),
  interface_type: nullable(Type.String({ description: 'KCS, SSIF, …, from SMBIOS' })),
  address: nullable(Type.String({ description: 'the one that operators reach it at' })),
  address_source: nullable(Type.String({ description: 'where that was read' })),
  mac: nullable(Type.String()),
  firmware_version: Type.Optional(nullable(Type.String())),
  host_address: nullable(
    Type.String({ description: 'its address towards its own host only, for Redfish' }),
  ),
});
export type Bmc = Static<typeof Bmc>;

export const StoredBmc = Type.Object({
  ...Type.Partial(Bmc).properties,
  ...Type.Pick(Bmc, ['is_present']).properties,
});
export type StoredBmc = Static<typeof StoredBmc>;
