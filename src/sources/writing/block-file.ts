// A disk, a partition or an image file, opened to be written without the page cache. Offsets, lengths
// and memory are aligned; what is to be written where is decided in src/actions.
import fs from 'node:fs';
import { promisify } from 'node:util';
import { AppError } from '../../core/errors.ts';
import { errnoOf } from '../read-error.ts';

const { O_DIRECT, O_EXCL, O_RDONLY, O_RDWR } = fs.constants;

/** Every offset, length and buffer is a multiple of this: no disk has larger logical sectors. */
export const pageBytes = 4096;

const open = promisify(fs.open);
const close = promisify(fs.close);
const fsync = promisify(fs.fsync);
const stat = promisify(fs.stat);
const readFile = promisify(fs.readFile);
const readFd = promisify(fs.read);
const writeFd = promisify(fs.write);

export interface BlockFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** The size of a logical sector: 512 or 4096. */
  readonly sectorBytes: number;
  /** Reads come from the medium and writes go to it; otherwise the page cache is between. */
  readonly isDirect: boolean;
  /** Fills `target` from `offset` on. */
  read(target: Uint8Array, offset: number): Promise<void>;
  write(source: Uint8Array, offset: number): Promise<void>;
  /** Resolves when all that was written is on the medium. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Memory for direct reads and writes: the kernel takes none that Node allocates otherwise, as only
 *  that of a resizable buffer begins on a page. */
export function alignedBuffer(bytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(bytes, { maxByteLength: bytes }), 0, bytes);
}

/** "MAJOR:MINOR" of the block device at a path; undefined where there is none. */
export async function blockDeviceNumber(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    return found.isBlockDevice() ? deviceNumber(found.rdev) : undefined;
  } catch {
    return undefined;
  }
}

/** 'overwrite' also opens a disk that something else uses. */
export type DiskMode = 'read' | 'write' | 'overwrite';

/** Opens a block device, to be written by this process alone, or a plain file.
 *  Errors: AppError `disk.in-use`, `disk.failed`; those of the operations are `disk.failed`. */
export async function openBlockFile(
  path: string,
  { mode, sectorBytes = 512 }: { mode: DiskMode; sectorBytes?: number },
): Promise<BlockFile> {
  try {
    const { isBlock, sizeBytes, sectors } = await describe(path, sectorBytes);
    // On a block device alone: it then fails while a file system, array or swap is on it.
    const exclusive = isBlock && mode === 'write' ? O_EXCL : 0;
    const flags = (mode === 'read' ? O_RDONLY : O_RDWR) | exclusive;
    const direct = await openDirect(path, flags, sizeBytes);
    const fd = direct ?? (await open(path, flags));
    return new OpenBlockFile(fd, path, sizeBytes, sectors, direct !== undefined);
  } catch (err) {
    if (errnoOf(err) === 'EBUSY') {
      throw new AppError('disk.in-use', `${path} is in use by something else on this machine`, {
        cause: err,
      });
    }
    throw failed('open', path, err);
  }
}

/** Undefined where the file system or the device takes no direct reads. */
async function openDirect(
  path: string,
  flags: number,
  sizeBytes: number,
): Promise<number | undefined> {
  try {
    const fd = await open(path, flags | O_DIRECT);
    if (sizeBytes < pageBytes) return fd;
    try {
      await readFd(fd, alignedBuffer(pageBytes), 0, pageBytes, 0);
      return fd;
    } catch (err) {
      await close(fd);
      throw err;
    }
  } catch (err) {
    if (errnoOf(err) === 'EINVAL' || errnoOf(err) === 'EOPNOTSUPP') return undefined;
    throw err;
  }
}

/** Source: /sys/dev/block/MAJOR:MINOR, where a partition's queue is its disk's. */
async function describe(path: string, sectorBytes: number) {
  const found = await stat(path);
  if (!found.isBlockDevice())
    return { isBlock: false, sizeBytes: found.size, sectors: sectorBytes };
  const device = `/sys/dev/block/${deviceNumber(found.rdev)}`;
  const queue = fs.existsSync(`${device}/queue`) ? `${device}/queue` : `${device}/../queue`;
  const [size, sector] = await Promise.all([
    readFile(`${device}/size`, 'utf8'),
    readFile(`${queue}/logical_block_size`, 'utf8'),
  ]);
  const sizeBytes = Number(size) * 512;
  if (sizeBytes === 0) throw Object.assign(new Error('it has 0 bytes'), { code: 'ENOMEDIUM' });
  return { isBlock: true, sizeBytes, sectors: Number(sector) };
}

/** "MAJOR:MINOR". Source: gnu_dev_major and gnu_dev_minor of glibc's sys/sysmacros.h; the upper halves of
 *  both are above 32 bits and in use nowhere. */
export function deviceNumber(rdev: number): string {
  return `${(rdev >>> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >>> 12) & 0xfff00)}`;
}

class OpenBlockFile implements BlockFile {
  readonly #fd: number;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sectorBytes: number;
  readonly isDirect: boolean;
  #isClosed = false;

  constructor(fd: number, path: string, sizeBytes: number, sectorBytes: number, isDirect: boolean) {
    this.#fd = fd;
    this.path = path;
    this.sizeBytes = sizeBytes;
    this.sectorBytes = sectorBytes;
    this.isDirect = isDirect;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    try {
      for (let done = 0; done < target.length;) {
        const { bytesRead } = await readFd(
          this.#fd,
          target,
          done,
          target.length - done,
          offset + done,
        );
        if (bytesRead === 0) throw new Error(`there is nothing at byte ${offset + done}`);
        done += bytesRead;
      }
    } catch (err) {
      throw failed(`read ${target.length} bytes at ${offset} of`, this.path, err);
    }
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    try {
      for (let done = 0; done < source.length;) {
        const { bytesWritten } = await writeFd(
          this.#fd,
          source,
          done,
          source.length - done,
          offset + done,
        );
        if (bytesWritten === 0) throw new Error('nothing was taken');
        done += bytesWritten;
      }
    } catch (err) {
      throw failed(`write ${source.length} bytes at ${offset} of`, this.path, err);
    }
  }

  async sync(): Promise<void> {
    try {
      await fsync(this.#fd);
    } catch (err) {
      throw failed('flush', this.path, err);
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await close(this.#fd);
  }
}

const gone = ': it was unplugged, or has no medium';
const advices: Readonly<Record<string, string>> = {
  EIO: ': the medium fails there; replace the disk',
  ENODEV: gone,
  ENOENT: gone,
  ENOMEDIUM: gone,
  ENXIO: gone,
};

function failed(what: string, path: string, cause: unknown): AppError {
  const errno = errnoOf(cause);
  return new AppError('disk.failed', `cannot ${what} ${path}${advices[errno ?? ''] ?? ''}`, {
    cause,
    details: { path, ...(errno === undefined ? {} : { errno }) },
  });
}
