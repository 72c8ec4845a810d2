// A whole disk: as the inventory has it, as a check-in tells it and as the record keeps it.
import { Type, type Static } from 'typebox';
import { DiskContents } from './contents.ts';
import { nullable, U64 } from '../fields.ts';

export const Disk = Type.Object({
  device: Type.String({ description: '/dev/sda, /dev/nvme0n1' }),
  size_bytes: Type.Integer(),
  model: nullable(Type.String()),
  vendor: Type.Optional(nullable(Type.String())),
  serial: nullable(Type.String()),
  wwn: nullable(Type.String()),
  type: nullable(Type.Enum(['nvme', 'ssd', 'hdd'])),
  transport: nullable(Type.String({ description: 'nvme, sata, sas, virtio, usb, fc, iscsi, …' })),
  hctl: Type.Optional(nullable(Type.String({ description: 'its place on SCSI: 0:0:1:0' }))),
  by_path: Type.Optional(
    nullable(Type.String({ description: "udev's name for its place: pci-0000:00:17.0-ata-1" })),
  ),
  removable: Type.Boolean(),
  read_only: Type.Boolean(),
  zoned: Type.Optional(
    Type.String({
      description:
        'host-managed: takes writes in sequence alone, and is never a target; host-aware; absent: none',
    }),
  ),
  virtual_media: Type.Boolean({ description: 'lent by a BMC or hypervisor; never a target' }),
  paths: Type.Array(Type.String(), { description: 'the devices of all its paths, if several' }),
  contents: Type.Optional(
    Type.Array(DiskContents, { description: 'the data found on it; absent: nobody looked' }),
  ),
});
export type Disk = Static<typeof Disk>;

/** The schema's fields and our additions. A newer agent may name other types. */
export const StoredDisk = Type.Object({
  ...Type.Partial(Disk).properties,
  ...Type.Pick(Disk, ['device', 'size_bytes', 'model', 'serial']).properties,
  size_bytes: U64(),
  type: Type.Optional(nullable(Type.String({ description: 'nvme, ssd, hdd' }))),
});
export type StoredDisk = Static<typeof StoredDisk>;

export const CheckinDisk = Type.Object({
  name: Type.String({ description: 'without /dev/' }),
  ...Type.Partial(Type.Omit(StoredDisk, ['device'])).properties,
  ...Type.Pick(StoredDisk, ['size_bytes']).properties,
});
export type CheckinDisk = Static<typeof CheckinDisk>;
