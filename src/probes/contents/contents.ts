// Finds out what the disks hold, by reading a few places of each disk and partition. Nothing is mounted,
// assembled or activated.
import type { DiskContents } from '../../model/hardware/contents.ts';
import type { ContentsFacts } from '../../model/inventory.ts';
import { told } from '../../model/api/wire.ts';
import { wholeDisks } from '../disks/whole-disks.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';
import type { Piece } from './fields.ts';
import { partitionType } from './partition-table.ts';
import { sampledPlaces, tellingPlaces, type Range } from './places.ts';
import { isBlank, recognise, volumeGroup, type Finding } from './recognise.ts';
import { volumeGroupRange } from './volume-group.ts';

const base = '/sys/block';

/** The most disks that are read. A machine with more is a storage server that exports its disks. */
const maxDisks = 256;
/** A smaller partition holds no data: the place of an extended one is 1 KiB. */
const leastBytes = 8192;

/** Source: the first and last pages of each disk and partition of /sys/block. A disk is left out if nothing was found
 *  and a part could not be read: nobody can say that it is empty. */
export const contentsProbe: Probe<'contents'> = {
  name: 'contents',
  async read(root, report) {
    const read = new Reading(root, 'contents', report);
    const disks = await wholeDisks(read);
    if (disks === undefined) return undefined;
    if (disks.length > maxDisks) {
      const message = `of ${disks.length} disks only the first ${maxDisks} are looked into`;
      read.problem('read.too-large', base, message);
    }
    const found = await Promise.all(
      disks.slice(0, maxDisks).map(({ name, bytes }) => readDisk(read, name, bytes)),
    );
    return found.filter((one) => one !== undefined);
  },
};

async function readDisk(
  read: Reading,
  name: string,
  bytes: number,
): Promise<ContentsFacts[number] | undefined> {
  const device = deviceOf(name);
  const names = (await read.list(`${base}/${name}`)) ?? [];
  const partitions = names.filter((one) => partitionNumber(one, name) !== undefined);
  const own = await readDevice(read, device, bytes);
  const parts = await Promise.all(
    partitions.map(async (one) => {
      const size = ((await read.number(`${base}/${name}/${one}/size`)) ?? 0) * 512;
      if (size < leastBytes) return { findings: [], isWhole: true };
      const part = await readDevice(read, deviceOf(one), size);
      const type = own.head && partitionType(own.head, partitionNumber(one, name) ?? 0);
      return { ...part, findings: part.findings.map((finding) => withType(finding, type)) };
    }),
  );
  const contents = [own, ...parts].flatMap(({ findings }) => findings);
  const isWhole = [own, ...parts].every((part) => part.isWhole);
  return contents.length === 0 && !isWhole ? undefined : { device, contents };
}

function withType(finding: DiskContents, type: string | undefined): DiskContents {
  return finding.type === unknown && type !== undefined ? { ...finding, label: type } : finding;
}

/** Data of a kind that is not known. */
const unknown = 'data';

interface Looked {
  findings: DiskContents[];
  /** Every place could be read. */
  isWhole: boolean;
  head?: Piece;
}

async function readDevice(read: Reading, device: string, size: number): Promise<Looked> {
  const pieces = await readPieces(read, device, tellingPlaces(size));
  if (pieces === undefined) return { findings: [], isWhole: false };
  const recognised = pieces.map((piece) => ({ piece, ...recognise(piece) }));
  const found = onePerType(recognised.flatMap(({ findings }) => findings));
  const [head] = pieces;
  const findings = await withVolumeGroup(read, device, found, head);
  const looked = { isWhole: true, ...(head && { head }) };
  if (findings.length > 0) {
    const all = findings.map(({ type, ...details }) => ({ device, type, ...told(details) }));
    return { ...looked, findings: all };
  }
  const data = { ...looked, findings: [{ device, type: unknown }] };
  if (recognised.some(({ piece, known }) => !isBlank(piece.bytes, known))) return data;
  const samples = await readPieces(read, device, sampledPlaces(size));
  if (samples === undefined) return { findings: [], isWhole: false };
  return samples.every(({ bytes }) => isBlank(bytes)) ? { ...looked, findings: [] } : data;
}

/** Undefined where one of them cannot be read, which is reported. Reads no more of a disk that fails. */
async function readPieces(
  read: Reading,
  device: string,
  places: readonly Range[],
): Promise<Piece[] | undefined> {
  const pieces: Piece[] = [];
  for (const place of places) {
    const bytes = await read.bytes(device, place);
    if (bytes === undefined || bytes.length < place.length) {
      if (!read.refused(device)) {
        read.problem('read.failed', device, `${device} ends before the kernel says it does`);
      }
      return undefined;
    }
    pieces.push({ offset: place.offset, bytes });
  }
  return pieces;
}

function onePerType(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ type }, i) => findings.findIndex((one) => one.type === type) === i);
}

/** The name, id and size of its volume group go with the member of one. */
async function withVolumeGroup(
  read: Reading,
  device: string,
  findings: readonly Finding[],
  head: Piece | undefined,
): Promise<Finding[]> {
  const metadata = head && volumeGroupRange(head);
  const isMember = findings.some(({ type }) => type === 'LVM2_member');
  const bytes = isMember && metadata ? await read.bytes(device, metadata.range) : undefined;
  const found = bytes && recognise({ offset: metadata?.range.offset ?? 0, bytes }).findings;
  const group = found?.find(({ type }) => type === volumeGroup);
  return findings
    .filter(({ type }) => type !== volumeGroup)
    .map((finding) => {
      if (finding.type !== 'LVM2_member' || group === undefined) return finding;
      return { ...group, ...finding, type: finding.type };
    });
}

function deviceOf(name: string): string {
  return `/dev/${name.replaceAll('!', '/')}`;
}

/** "sda3" of "sda" → 3, "nvme0n1p2" of "nvme0n1" → 2; undefined for other names. */
function partitionNumber(name: string, disk: string): number | undefined {
  if (!name.startsWith(disk)) return undefined;
  const [, digits] = /^p?(\d+)$/.exec(name.slice(disk.length)) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
