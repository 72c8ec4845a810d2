// The version of what is stored. Data of a newer version, or restored in part, is refused.
import { AppError } from '../core/errors.ts';
import type { Kv, KvOperation } from './kv/kv.ts';

export const formatVersion = 1;
const formatKey = 'meta/format';
const formatName = 'dragonfly-store';
const formatMark = JSON.stringify({ format: formatName, version: formatVersion });
/** The name in the first line of a backup. */
export const backupFormat = 'dragonfly-backup';
/** Present during a restore. */
export const restoringKey = 'meta/restoring';

/** Marks an empty store as one of this version, or checks the mark that is there.
 *  Errors: AppError `store.incompatible`, `store.damaged`. */
export async function checkFormat(kv: Kv, description: string, readOnly: boolean): Promise<void> {
  const [marks, anything] = await kv.read([{ key: formatKey }, { prefix: 'machines/', limit: 1 }]);
  const mark = marks?.[0];
  if (mark === undefined) {
    if (anything?.length !== 0) {
      throw new AppError('store.damaged', `${description} holds machines but no format version`);
    }
    if (!readOnly) await writeFormat(kv);
    return;
  }
  const version = readVersion(mark.value);
  if (version === undefined) {
    throw new AppError('store.damaged', `${description} has no readable format version`);
  }
  if (version > formatVersion) {
    throw new AppError(
      'store.incompatible',
      `${description} was written by a newer version (format ${version}, this one reads up to ${formatVersion}): use that version`,
    );
  }
}

/** The revision of a store's mark, which a restore writes anew; 0 where it has none, undefined during a restore. */
export async function markRevision(kv: Kv): Promise<number | undefined> {
  const [[mark] = [], [restoring] = []] = await kv.read([
    { key: formatKey },
    { key: restoringKey },
  ]);
  return restoring === undefined ? (mark?.revision ?? 0) : undefined;
}

/** The end of a restore: whoever read the store meanwhile finds that out by its mark. */
export const restored: readonly KvOperation[] = [
  { key: restoringKey, value: undefined },
  { key: formatKey, value: formatMark },
];

/** Marks a store that has lost its mark with all else, as an etcd that was restored to before it was used: its server
 *  goes on, and is to start again. Where it cannot, the store is as it was. */
export async function markAgain(kv: Kv): Promise<void> {
  await writeFormat(kv).catch(() => {});
}

async function writeFormat(kv: Kv): Promise<void> {
  try {
    await kv.commit([{ key: formatKey, revision: 0 }], [{ key: formatKey, value: formatMark }]);
  } catch (err) {
    // Another server that opened the same empty store wrote the same mark first.
    const [marks] = await kv.read([{ key: formatKey }]);
    if (marks?.[0]?.value !== formatMark) throw err;
  }
}

function readVersion(text: string): number | undefined {
  try {
    const mark: unknown = JSON.parse(text);
    if (typeof mark !== 'object' || mark === null) return undefined;
    const { format, version } = mark as { format?: unknown; version?: unknown };
    return format === formatName && Number.isInteger(version) ? Number(version) : undefined;
  } catch {
    return undefined;
  }
}

/** Refuses a store whose restore was interrupted. Errors: AppError `store.damaged`. */
export async function checkRestored(kv: Kv, description: string): Promise<void> {
  const [marks] = await kv.read([{ key: restoringKey }]);
  if (marks?.length !== 0) {
    throw new AppError(
      'store.damaged',
      `${description} was only partly restored: repeat the restore with the same file`,
    );
  }
}
