// The way the running system was booted.
import { Type, type Static } from 'typebox';
import { nullable } from '../fields.ts';

export const Boot = Type.Object({
  firmware_mode: nullable(Type.Enum(['uefi', 'bios'])),
  secure_boot: nullable(Type.Boolean()),
  kernel: nullable(Type.String({ description: '"6.12.0": the running kernel\'s release' })),
});
export type Boot = Static<typeof Boot>;

/** A newer agent may name other modes. */
export const StoredBoot = Type.Partial(
  Type.Object({
    ...Boot.properties,
    firmware_mode: nullable(Type.String({ description: 'uefi, bios' })),
  }),
);
export type StoredBoot = Static<typeof StoredBoot>;
