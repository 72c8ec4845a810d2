// An operating system found installed on a disk: as the inventory has it, and as a check-in tells it and
// the record keeps it.
import { Type, type Static } from 'typebox';
import { nullable } from '../fields.ts';

export const ExistingOs = Type.Object({
  name: Type.String(),
  hostname: nullable(Type.String()),
  machine_id: nullable(Type.String()),
  fs_uuid: nullable(Type.String()),
  kernel_path: nullable(Type.String()),
  initrd_path: nullable(Type.String()),
  device: Type.String(),
});
export type ExistingOs = Static<typeof ExistingOs>;

export const StoredOs = Type.Object({
  ...Type.Partial(ExistingOs).properties,
  ...Type.Pick(ExistingOs, ['name', 'device']).properties,
});
export type StoredOs = Static<typeof StoredOs>;
