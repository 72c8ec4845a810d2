// Maps each part of a qcow2 image's disk to its place in the file, in the order of the file.
import { damaged, unsupported, type Qcow2Header } from './header.ts';

/** A run of the disk that lies in one piece in the file. */
export interface Extent {
  readonly fileOffset: number;
  /** In the file. */
  readonly fileBytes: number;
  readonly diskOffset: number;
  /** A single cluster then. */
  readonly isCompressed: boolean;
}

/** Reads pieces of the file; one at the end of the file is shorter than it was asked to be. */
export type ReadPieces = (
  pieces: readonly { readonly offset: number; readonly length: number }[],
) => Promise<readonly Buffer[]>;

const offsetMask = 0x00ff_ffff_ffff_fe00n;
const compressedFlag = 1n << 62n;
/** Tables that are read at once. */
const batch = 64;
/** Memory for the map: 16 bytes for each of its entries. */
const maxEntries = 3_000_000;

/** The parts of the disk that the file has; all others are zeroes. */
export class Qcow2Map {
  readonly #header: Qcow2Header;
  /** By the place in the file: offset and length there, the cluster on the disk. */
  #fileOffsets = new Float64Array(4096);
  #fileBytes = new Uint32Array(4096);
  #clusters = new Uint32Array(4096);
  #count = 0;
  /** One bit for each cluster of the disk that is in the file. */
  readonly #present: Uint8Array;

  private constructor(header: Qcow2Header) {
    this.#header = header;
    this.#present = new Uint8Array(Math.ceil(clustersOf(header) / 8));
  }

  /** Errors: AppError `image.damaged`, `image.unsupported`; those of `read`. */
  static async read(header: Qcow2Header, read: ReadPieces): Promise<Qcow2Map> {
    const map = new Qcow2Map(header);
    const { l1Offset, l1Entries, clusterBytes } = header;
    const [l1] = await read([{ offset: l1Offset, length: l1Entries * 8 }]);
    if (l1?.length !== l1Entries * 8) throw damaged('it is cut short');
    const tables: { index: number; offset: number }[] = [];
    for (let index = 0; index < l1Entries; index++) {
      const offset = Number(l1.readBigUInt64BE(index * 8) & offsetMask);
      if (offset % clusterBytes !== 0) throw damaged('a table lies between two clusters');
      if (offset !== 0) tables.push({ index, offset });
    }
    tables.sort((a, b) => a.offset - b.offset);
    for (let at = 0; at < tables.length; at += batch) {
      const some = tables.slice(at, at + batch);
      const pieces = await read(some.map(({ offset }) => ({ offset, length: clusterBytes })));
      for (const [i, { index }] of some.entries()) map.#addTable(index, pieces[i]);
    }
    map.#sort();
    return map;
  }

  /** Refuses a map by which the file cannot be read in one pass, before anything is written.
   *  Errors: AppError `image.damaged`, `image.unsupported`. */
  requireReadable(fileBytes: number): void {
    let end = 0;
    for (const extent of this.extents()) {
      const { fileOffset, isCompressed } = extent;
      if (!isCompressed && fileOffset < end) throw unsupported('parts of its data overlap');
      // The file may end within the last sector of a compressed cluster.
      const leastBytes = isCompressed ? Math.max(1, extent.fileBytes - 511) : extent.fileBytes;
      if (fileOffset + leastBytes > fileBytes) throw damaged('it is cut short');
      end = Math.max(end, fileOffset + extent.fileBytes);
    }
  }

  /** Bytes of the disk that the file has. */
  get allocatedBytes(): number {
    return this.#count * this.#header.clusterBytes;
  }

  /** In the order of the file; neighbours in both are one extent. */
  *extents(fromDisk = 0, toDisk = Infinity): Generator<Extent> {
    const { clusterBytes, sizeBytes } = this.#header;
    let open: Extent | undefined;
    for (let i = 0; i < this.#count; i++) {
      const fileOffset = this.#fileOffsets[i] ?? 0;
      const length = this.#fileBytes[i] ?? 0;
      const diskOffset = (this.#clusters[i] ?? 0) * clusterBytes;
      if (diskOffset < fromDisk || diskOffset >= toDisk) continue;
      const isCompressed = length > 0;
      // The last cluster may reach beyond the end of the disk.
      const fileBytes = isCompressed ? length : Math.min(clusterBytes, sizeBytes - diskOffset);
      const continues =
        open !== undefined &&
        !isCompressed &&
        !open.isCompressed &&
        open.fileOffset + open.fileBytes === fileOffset &&
        open.diskOffset + open.fileBytes === diskOffset;
      if (open !== undefined && continues) {
        open = { ...open, fileBytes: open.fileBytes + fileBytes };
        continue;
      }
      if (open !== undefined) yield open;
      open = { fileOffset, fileBytes, diskOffset, isCompressed };
    }
    if (open !== undefined) yield open;
  }

  /** The runs of the disk that are in no cluster of the file. */
  *holes(): Generator<{ readonly offset: number; readonly length: number }> {
    const { clusterBytes, sizeBytes } = this.#header;
    let start: number | undefined;
    for (let cluster = 0; cluster <= clustersOf(this.#header); cluster++) {
      const isHole =
        cluster < clustersOf(this.#header) &&
        ((this.#present[cluster >> 3] ?? 0) & (1 << (cluster & 7))) === 0;
      if (isHole) start ??= cluster * clusterBytes;
      else if (start !== undefined) {
        yield { offset: start, length: Math.min(cluster * clusterBytes, sizeBytes) - start };
        start = undefined;
      }
    }
  }

  #addTable(index: number, table: Buffer | undefined): void {
    const { clusterBytes, clusterBits } = this.#header;
    if (table?.length !== clusterBytes) throw damaged('it is cut short');
    const perTable = clusterBytes / 8;
    for (let i = 0; i < perTable; i++) {
      const cluster = index * perTable + i;
      if (cluster >= clustersOf(this.#header)) return;
      const entry = table.readBigUInt64BE(i * 8);
      if ((entry & compressedFlag) !== 0n) this.#addCompressed(entry, cluster, clusterBits);
      else if ((entry & 1n) === 0n && (entry & offsetMask) !== 0n) {
        const offset = Number(entry & offsetMask);
        if (offset % clusterBytes !== 0) throw damaged('data lies between two clusters');
        this.#add(offset, 0, cluster);
      }
    }
  }

  /** Source: qcow2.txt, "Compressed Clusters Descriptor". */
  #addCompressed(entry: bigint, cluster: number, clusterBits: number): void {
    const sizeShift = BigInt(62 - (clusterBits - 8));
    const offset = Number(entry & ((1n << sizeShift) - 1n));
    const sectors = Number((entry & (compressedFlag - 1n)) >> sizeShift) + 1;
    this.#add(offset, sectors * 512 - (offset % 512), cluster);
  }

  #add(offset: number, bytes: number, cluster: number): void {
    if (this.#count >= maxEntries) {
      throw unsupported('it has too many clusters in use; convert it to a raw image');
    }
    if (this.#count === this.#clusters.length) this.#grow();
    this.#fileOffsets[this.#count] = offset;
    this.#fileBytes[this.#count] = bytes;
    this.#clusters[this.#count] = cluster;
    this.#count += 1;
    this.#present[cluster >> 3] = (this.#present[cluster >> 3] ?? 0) | (1 << (cluster & 7));
  }

  #grow(): void {
    const length = this.#clusters.length * 2;
    const [offsets, bytes, clusters] = [this.#fileOffsets, this.#fileBytes, this.#clusters];
    this.#fileOffsets = new Float64Array(length);
    this.#fileBytes = new Uint32Array(length);
    this.#clusters = new Uint32Array(length);
    this.#fileOffsets.set(offsets);
    this.#fileBytes.set(bytes);
    this.#clusters.set(clusters);
  }

  /** By the place in the file; as it is in most images anyway. */
  #sort(): void {
    const offsets = this.#fileOffsets.subarray(0, this.#count);
    if (offsets.every((offset, i) => i === 0 || offset >= (offsets[i - 1] ?? 0))) return;
    const order = Uint32Array.from({ length: this.#count }, (_, i) => i);
    order.sort((a, b) => (offsets[a] ?? 0) - (offsets[b] ?? 0));
    this.#fileOffsets = Float64Array.from(order, (i) => this.#fileOffsets[i] ?? 0);
    this.#fileBytes = Uint32Array.from(order, (i) => this.#fileBytes[i] ?? 0);
    this.#clusters = Uint32Array.from(order, (i) => this.#clusters[i] ?? 0);
  }
}

function clustersOf({ sizeBytes, clusterBytes }: Qcow2Header): number {
  return Math.ceil(sizeBytes / clusterBytes);
}
