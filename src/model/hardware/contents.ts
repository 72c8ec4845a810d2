// The data that was found on a disk, read-only: what an operator loses when the disk is overwritten.
import { Type, type Static } from 'typebox';
import { nullable } from '../fields.ts';

export const DiskContents = Type.Object({
  device: Type.String({ description: 'the disk or the partition that it was found on' }),
  type: Type.String({
    description:
      "blkid's name: ext4, ntfs, LVM2_member, linux_raid_member, crypto_LUKS, swap …, or data for what is not known",
  }),
  label: Type.Optional(nullable(Type.String())),
  uuid: Type.Optional(nullable(Type.String())),
  group: Type.Optional(
    nullable(
      Type.String({ description: 'UUID of the array, volume group or pool that it is part of' }),
    ),
  ),
  members: Type.Optional(
    nullable(Type.Integer({ description: 'so many devices make up that group' })),
  ),
});
export type DiskContents = Static<typeof DiskContents>;
