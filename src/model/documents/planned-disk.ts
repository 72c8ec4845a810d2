// The one disk that a workflow writes to, as the server planned it before anything ran.
import { Type, type Static } from 'typebox';
import { Disk } from '../hardware/disk.ts';

export const PlannedDisk = Type.Pick(Disk, ['device', 'serial', 'wwn', 'size_bytes', 'model']);
export type PlannedDisk = Static<typeof PlannedDisk>;
