// The one disk that a workflow writes to, as the server planned it before anything ran.
import { Type, type Static } from 'typebox';
import { nullable, U64 } from '../fields.ts';
import { Disk } from '../hardware/disk.ts';

export const PlannedDisk = Type.Object({
  ...Type.Pick(Disk, ['device', 'serial', 'wwn', 'model']).properties,
  size_bytes: U64(),
  boot_id: Type.Optional(
    nullable(
      Type.String({
        description:
          'the boot in which it had this name; only where no more than the name tells it from another disk',
      }),
    ),
  ),
});
export type PlannedDisk = Static<typeof PlannedDisk>;
