// Reads from a disk what was written to it, and compares.
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import { alignedBuffer, type BlockFile } from '../../sources/writing/block-file.ts';
import type { Digests } from './digests.ts';
import { blockBytes } from './disk-writer.ts';

export type Verify = 'full' | 'sampled' | 'none';

export interface ReadBackOptions {
  readonly file: BlockFile;
  readonly digests: Digests;
  /** From and to which byte; whole blocks. */
  readonly fromBytes: number;
  readonly toBytes: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

const samples = 64;

/** Compares some blocks, then all of them if that takes at most `withinMs`: a disk that is slower than
 *  the network is not read whole unless somebody asked for that. Resolves to what was done.
 *  Errors: AppError `disk.damaged`, `disk.failed`. */
export async function readBack(
  verify: Verify | { readonly fullWithinMs: number },
  options: ReadBackOptions,
): Promise<Verify> {
  const { fromBytes, toBytes, clock } = options;
  const blocks = Math.max(0, Math.ceil((toBytes - fromBytes) / blockBytes));
  if (verify === 'none') return 'none';
  if (verify === 'full' || blocks <= samples) return await compare(options, 1);
  const startMs = clock.elapsedMs();
  const sampled = await compare(options, blocks / samples);
  if (verify === 'sampled') return sampled;
  const expectedMs = ((clock.elapsedMs() - startMs) / samples) * blocks;
  return expectedMs > verify.fullWithinMs ? sampled : await compare(options, 1);
}

/** Compares every `step`th block, the next one being read meanwhile. */
async function compare(options: ReadBackOptions, step: number): Promise<'full' | 'sampled'> {
  const { file, digests, fromBytes, toBytes, signal, onProgress } = options;
  const buffers = [alignedBuffer(blockBytes), alignedBuffer(blockBytes)];
  const offsets: number[] = [];
  for (let block = 0; fromBytes + Math.floor(block) * blockBytes < toBytes; block += step) {
    offsets.push(fromBytes + Math.floor(block) * blockBytes);
  }
  const read = async (i: number): Promise<Buffer | undefined> => {
    const [offset, buffer] = [offsets[i], buffers[i % 2]];
    if (offset === undefined || buffer === undefined) return undefined;
    const bytes = buffer.subarray(0, Math.min(blockBytes, toBytes - offset));
    await file.read(bytes, offset);
    return bytes;
  };
  let next = read(0);
  try {
    for (const [i, offset] of offsets.entries()) {
      const bytes = await next;
      signal.throwIfAborted();
      next = read(i + 1);
      // Awaited with the next block; until then an error is nobody's.
      next.catch(() => {});
      if (bytes !== undefined && !digests.matches(offset, bytes)) throw differs(file.path, offset);
      if (i % 64 === 0) onProgress(i * blockBytes, offsets.length * blockBytes);
    }
  } finally {
    // While a read is under way, nobody else can open the disk.
    await next.catch(() => {});
  }
  return step === 1 ? 'full' : 'sampled';
}

/** Compares one piece. Errors: AppError `disk.damaged`, `disk.failed`. */
export async function readBackPiece(
  file: BlockFile,
  { offset, bytes }: { readonly offset: number; readonly bytes: Buffer },
): Promise<void> {
  const found = alignedBuffer(bytes.length);
  await file.read(found, offset);
  if (!found.equals(bytes)) throw differs(file.path, offset);
}

function differs(path: string, offset: number): AppError {
  return new AppError(
    'disk.damaged',
    `${path} does not return what was written near byte ${offset}: replace the disk`,
  );
}
