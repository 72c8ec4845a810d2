// Goes on with an image after the agent's process was ended in mid-write. A raw image is fetched from where the disk
// has it, once the disk was read and is as it was written; every other one is fetched anew, and written where the disk
// has something else.
import { createHash } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import { alignedBuffer, type BlockFile } from '../../sources/writing/block-file.ts';
import type { ActionContext, Bookmark } from '../action.ts';
import { Digests } from './digests.ts';
import { blockBytes, type DiskWriter, type Left } from './disk-writer.ts';
import type { ImagePlan } from './plan.ts';
import type { Transfer } from './fetching/transfer.ts';

const intervalMs = 1_000;

/** Notes about once a second how much of an image is on the disk. */
export class Marks {
  readonly #context: Pick<ActionContext, 'host' | 'setBookmark'>;
  readonly #digests: Digests;
  readonly #transfer: Transfer;
  #markedMs: number;

  constructor(
    context: Pick<ActionContext, 'host' | 'setBookmark'>,
    digests: Digests,
    transfer: Transfer,
  ) {
    this.#context = context;
    this.#digests = digests;
    this.#transfer = transfer;
    this.#markedMs = context.host.clock.elapsedMs();
  }

  /** Errors: AppError `disk.failed` of the writer. */
  async mark(writer: DiskWriter): Promise<void> {
    const { host, setBookmark } = this.#context;
    const nowMs = host.clock.elapsedMs();
    if (setBookmark === undefined || nowMs - this.#markedMs < intervalMs) return;
    this.#markedMs = nowMs;
    const reached = await writer.settle();
    if (reached <= blockBytes) return;
    await setBookmark({
      ...nameOf(this.#transfer),
      unit: this.#digests.unitBytes,
      reached,
      digest: this.#digests.seal(blockBytes, reached),
    });
  }
}

/** Takes from a bookmark how much of this image is on the disk; undefined where that is useless. The bytes of a raw
 *  image that are on the disk are taken from there. Errors, while the image is read: AppError `image.changed` if the
 *  disk has other content by now. */
export function goOn(
  bookmark: Bookmark | undefined,
  { opened, sizeBytes, unitBytes }: ImagePlan,
  file: BlockFile,
): Left | undefined {
  const { reached, digest, unit, ...named } = bookmark ?? {};
  if (typeof reached !== 'number') return undefined;
  const isUsable = reached % blockBytes === 0 && reached > blockBytes && reached <= file.sizeBytes;
  if (!isUsable) return undefined;
  const { transfer, packings } = opened;
  const isSame = Object.entries(nameOf(transfer)).every(([key, value]) => named[key] === value);
  // The bytes of the file are those of the disk.
  const isRaw = sizeBytes === undefined && packings.length === 0;
  // The first block is on the disk only in the end: the server must have given all of it.
  const isAhead = transfer.offset >= blockBytes && transfer.offset < reached;
  const isKnown = isRaw && isAhead && unit === unitBytes && typeof digest === 'string';
  if (!isSame || !isKnown || !transfer.isSafeToContinue) return { sameTo: 0, comparedTo: reached };
  transfer.takeKnown((from) => readLeft(file, { from, reached, digest, unitBytes }));
  return { sameTo: reached, comparedTo: reached };
}

interface Known {
  readonly from: number;
  readonly reached: number;
  readonly digest: string;
  readonly unitBytes: number;
}

/** Reads the disk up to where it was written. */
async function* readLeft(
  file: BlockFile,
  { from, reached, digest, unitBytes }: Known,
): AsyncGenerator<Uint8Array> {
  const found = new Digests(unitBytes);
  const block = alignedBuffer(blockBytes);
  for (let at = blockBytes; at < reached; at += blockBytes) {
    await file.read(block, at);
    found.written(at, block);
    if (at + blockBytes > from) yield block.subarray(Math.max(0, from - at));
  }
  if (found.seal(blockBytes, reached) === digest) return;
  throw new AppError(
    'image.changed',
    `${file.path} no longer has what was written to it before the agent was restarted`,
  );
}

/** The file that a server gives, as far as it can be told. */
function nameOf({ url, validator, sizeBytes }: Transfer) {
  return {
    // An address may have a password in it.
    url: createHash('sha256').update(url).digest('hex'),
    validator: validator ?? null,
    size: sizeBytes ?? null,
  };
}
