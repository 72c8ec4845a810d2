// A backup's lines as records, and records as what is written to a store.
import { createReadStream } from 'node:fs';
import { AppError, isAppError } from '../../core/errors.ts';
import { stringifyExact } from '../../core/text/exact-json.ts';
import { parseDocument } from '../collections/json.ts';
import { allKinds, indexKeys, kinds, recordKey, type Kind } from '../collections/kinds.ts';
import type { KvOperation } from '../kv/kv.ts';
import { sessionPrefix } from '../collections/tokens.ts';
import type { Stored } from './dragonflys-documents.ts';

/** A line's record; undefined for a line that is none. */
export function readRecord(line: string): Stored | undefined {
  try {
    const read: { table?: unknown; document?: unknown } = parseDocument('line', line);
    const kind = allKinds.find(({ table }) => table === read.table);
    const { document } = read;
    if (kind === undefined || typeof document !== 'object' || document === null) return undefined;
    return { kind, document };
  } catch {
    return undefined;
  }
}

/** True for the session of somebody who signed in: no backup brings one back that was ended since. */
export function isSession({ kind, document }: Stored): boolean {
  return kind.table === kinds.settings.table && kind.name(document).startsWith(sessionPrefix);
}

/** A record and its index entries. */
export function operationsOf(kind: Kind<object>, document: object): KvOperation[] {
  return [
    { key: recordKey(kind, kind.name(document)), value: stringifyExact(document) },
    ...indexKeys(kind, document).map((key) => ({ key, value: '' })),
  ];
}

/** Many times what any record has. What is no backup may have no end of a line at all. */
const longestLine = 64 * 1024 * 1024;

/** A line ends with \n alone: JSON has U+2028 and U+2029 in its texts as they are. */
export async function* linesOf(path: string): AsyncIterable<string> {
  let rest: string[] = [];
  let chars = 0;
  try {
    for await (const piece of createReadStream(path, 'utf8')) {
      const [end = '', ...lines] = String(piece).split('\n');
      rest.push(end);
      chars += end.length;
      if (chars > longestLine) {
        throw new AppError(
          'backup.damaged',
          `${path} is not a backup: it has a line without an end`,
        );
      }
      for (const start of lines) {
        yield rest.join('').replace(/\r$/, '');
        rest = [start];
        chars = start.length;
      }
    }
    const last = rest.join('');
    if (last !== '') yield last;
  } catch (err) {
    if (isAppError(err)) throw err;
    throw new AppError('backup.failed', `cannot read ${path}`, { cause: err });
  }
}
