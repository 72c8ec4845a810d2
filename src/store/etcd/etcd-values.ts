// Values that are too large for a request to etcd: kept in pieces under keys of their own, which are
// written first; the commit itself then writes only where they are.
import type { KvEntry, KvOperation } from '../kv/kv.ts';

/** etcd takes 1.5 MiB in a request; half of it leaves room for what else is in it, base64 aside. */
const pieceBytes = 768 * 1024;
/** Values up to this are left where they are. */
const smallBytes = 256 * 1024;
/** A value that begins with this is a pointer. Documents begin with "{". */
const mark = '@';
/** The most pieces that a pointer is believed to have: 375 MiB, far beyond what a request can bring. */
const mostPieces = 500;

/** The keys and texts of pieces. */
export type Pieces = ReadonlyMap<string, string>;

/** Where the pieces of a key's value are. */
export function piecePrefix(key: string): string {
  return `pieces/${key}/`;
}

/** Replaces large values by pointers to pieces. */
export function cutUp(
  operations: readonly KvOperation[],
  newId: () => string,
): { small: readonly KvOperation[]; pieces: Pieces } {
  const pieces = new Map<string, string>();
  const small = operations.map((operation): KvOperation => {
    const bytes = Buffer.from(operation.value ?? '');
    if (bytes.length <= smallBytes) return operation;
    const upload = `${piecePrefix(operation.key)}${newId()}/`;
    const count = Math.ceil(bytes.length / pieceBytes);
    for (let i = 0; i < count; i += 1) {
      const piece = bytes.subarray(i * pieceBytes, (i + 1) * pieceBytes);
      // A character may be cut in two, which base64 does not mind.
      pieces.set(upload + i, piece.toString('base64'));
    }
    return { key: operation.key, value: `${mark}${count} ${upload}` };
  });
  return { small, pieces };
}

/** Replaces pointers by the values they point to. One that leads nowhere stays as it is, which is no document. */
export async function assemble(
  found: KvEntry[][],
  readPieces: (keys: readonly string[]) => Promise<readonly KvEntry[]>,
): Promise<KvEntry[][]> {
  if (!found.some((entries) => entries.some((entry) => entry.value.startsWith(mark)))) return found;
  const whole = async (entry: KvEntry): Promise<KvEntry> => {
    const keys = pieceKeys(entry);
    if (keys === undefined) return entry;
    const pieces = await readPieces(keys);
    if (pieces.length < keys.length) return entry;
    const bytes = pieces.map((piece) => Buffer.from(piece.value, 'base64'));
    return { ...entry, value: Buffer.concat(bytes).toString() };
  };
  return Promise.all(found.map(async (entries) => Promise.all(entries.map(whole))));
}

/** The keys of the pieces that a pointer names; undefined for what is none, or points wildly. */
function pieceKeys({ key, value }: KvEntry): string[] | undefined {
  const [, count = '', upload = ''] = /^@([1-9]\d{0,3}) (\S+\/)$/.exec(value) ?? [];
  const isWild = Number(count) > mostPieces || !upload.startsWith(piecePrefix(key));
  if (count === '' || isWild) return undefined;
  return Array.from({ length: Number(count) }, (_, i) => upload + i);
}
