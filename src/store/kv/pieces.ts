// A scan in pieces: a consumer that does other work between two of them holds no more than one.
import type { KvEntry } from './kv.ts';

/** So many entries a piece. */
export const scanPiece = 500;

/** All entries of a snapshot, of which `range` gives the first ones after a key. */
export function* inPieces(
  range: (after: string | undefined, limit: number) => readonly KvEntry[],
): Generator<readonly KvEntry[]> {
  let after: string | undefined;
  for (;;) {
    const piece = range(after, scanPiece);
    const last = piece.at(-1);
    if (last === undefined) return;
    yield piece;
    after = last.key;
  }
}
