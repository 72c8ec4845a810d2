// Partition tables. One without partitions is no data: a disk that was just initialised has one. Pure.
import { swapUuid } from '../../identity/uuid.ts';
import { Fields, type Piece } from './fields.ts';

interface Table {
  type: 'gpt' | 'dos';
  isEmpty: boolean;
  fields: Fields;
}

const gptMagic = 'EFI PART';
/** The checksum of 128 entries of 128 bytes that are all zeros. */
const checksumOfNone = 0xab_54_d2_86;
const sectorSizes = [512, 4096];

/** The tables that a piece shows: GPT at the start or the end of a disk, MBR in its first sector.
 *  Source: UEFI specification 5.2, 5.3. */
export function partitionTables({ offset, bytes }: Piece): Table[] {
  const places = sectorSizes.flatMap((size) => [
    ...(offset === 0 ? [size] : []),
    bytes.length - size,
  ]);
  const tables = places.flatMap((at) => gptAt(bytes, at) ?? []);
  const mbr = offset === 0 ? readMbr(bytes) : undefined;
  return mbr === undefined ? tables : [...tables, mbr];
}

function gptAt(bytes: Uint8Array, at: number): Table | undefined {
  const fields = new Fields(bytes);
  if (fields.ascii(at, gptMagic.length) !== gptMagic) return undefined;
  const isEmpty = fields.u32(at + 88) === checksumOfNone;
  fields.take(at, 92);
  return { type: 'gpt', isEmpty, fields };
}

/** Where an MBR's four entries begin, and the fixed values around them. */
const entriesAt = 446;
const protective = 0xee;

function readMbr(bytes: Uint8Array): Table | undefined {
  const fields = new Fields(bytes);
  const mark = fields.take(510, 2);
  if (mark[0] !== 0x55 || mark[1] !== 0xaa) return undefined;
  const entries = Array.from({ length: 4 }, (_, i) => fields.take(entriesAt + 16 * i, 16));
  // A boot sector of a file system has code there.
  if (entries.some(([flag = 0]) => (flag & 0x7f) !== 0)) return undefined;
  // The signature of the disk, which Windows writes.
  fields.take(440, 6);
  const types = entries.map((entry) => entry[4] ?? 0);
  return { type: 'dos', isEmpty: types.every((type) => type === 0 || type === protective), fields };
}

/** Types of partitions that hold no file system, in words. Source: uefi.org, systemd's and VMware's lists. */
const typeNames: Readonly<Record<string, string>> = {
  '21686148-6449-6e6f-744e-656564454649': 'BIOS boot',
  '9e1a2d38-c612-4316-aa26-8b49521e5a8b': 'PReP boot',
  'e3c9e316-0b5c-4db8-817d-f92df00215ae': 'Microsoft reserved',
  'aa31e02a-400f-11db-9590-000c2911d1b8': 'VMFS',
  '9d275380-40ad-11db-bf97-000c2911d1b8': 'VMware dump',
  '9198effc-31c0-11db-8f78-000c2911d1b8': 'VMware reserved',
  '381cfccc-7288-11e0-92ee-000c2911d0b2': 'VMware vSAN',
  '4fbd7e29-9d25-41b8-afd0-062c0ceff05d': 'Ceph OSD',
  '45b0969e-9b03-4f30-b4c6-b4b80ceff106': 'Ceph journal',
  'cafecafe-9b03-4f30-b4c6-b4b80ceff106': 'Ceph block',
};

/** The type of partition `number` in words, where it is one without a file system. */
export function partitionType(head: Piece, number: number): string | undefined {
  const fields = new Fields(head.bytes);
  const size = sectorSizes.find((at) => fields.ascii(at, gptMagic.length) === gptMagic);
  if (size === undefined || number < 1 || number > 128) return undefined;
  const guid = fields.uuid(2 * size + (number - 1) * 128);
  return guid === undefined ? undefined : typeNames[swapUuid(guid)];
}

/** The positions of all types in the piece that holds a GPT. */
export function typeSpans({ offset, bytes }: Piece): [number, number][] {
  const fields = new Fields(bytes);
  const size = sectorSizes.find((at) => fields.ascii(at, gptMagic.length) === gptMagic);
  if (offset !== 0 || size === undefined) return [];
  return Array.from({ length: 128 }, (_, i) => [2 * size + i * 128, 2 * size + i * 128 + 16]);
}
