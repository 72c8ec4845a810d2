// Keeps V8 from collecting garbage all the time while an image streams through: its own heap is small then,
// so that it collects after every 12 MiB of buffers, which takes longer than all the rest.
import { setFlagsFromString } from 'node:v8';

/** The percentage by which the heap may grow before garbage is collected again; 0 leaves it to V8. 500 takes half the
 *  CPU time, and 20 MiB. */
const growingPercent = 500;

/** Runs `work`, whose memory is mostly buffers. */
export async function withBuffers<T>(work: () => Promise<T>): Promise<T> {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
  try {
    return await work();
  } finally {
    setFlagsFromString('--heap-growing-percent=0');
  }
}

/** Gives back the memory of a chunk that nobody reads again. Only of one that has its memory to itself, as
 *  those of zlib that are full: the engine has another one by then. */
export function release(chunk: Uint8Array): void {
  const { buffer } = chunk;
  if (buffer instanceof ArrayBuffer && chunk.length === buffer.byteLength) buffer.transfer(0);
}
