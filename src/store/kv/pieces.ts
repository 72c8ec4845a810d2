// A scan in pieces: a consumer that does other work between two of them holds no more than one.
import type { KvEntry } from './kv.ts';

/** So many entries a piece. */
export const scanPiece = 500;

type Range = (prefix: string, after: string | undefined, limit: number) => readonly KvEntry[];

/** All entries of a snapshot under the prefixes, of which `range` gives the first ones after a key. */
export function* inPieces(
  prefixes: readonly string[],
  most: number,
  range: Range,
): Generator<readonly KvEntry[]> {
  for (const prefix of prefixes) {
    let last: KvEntry | undefined;
    do {
      const piece = range(prefix, last?.key, most);
      last = piece.at(-1);
      if (last !== undefined) yield piece;
    } while (last !== undefined);
  }
}
