// Files that hold secrets: readable by their owner alone, whatever the directory allows, and never reached
// through a link, a FIFO or a device that somebody put in their place.
import fs from 'node:fs';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;
const ownerOnly = 0o600;

/** Opens a new file for writing in place of `path`, which may be a leftover. Errors: those of the system. */
export function createPrivate(path: string): number {
  fs.rmSync(path, { force: true });
  return fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, ownerOnly);
}

/** Writes a file whole or not at all. Errors: those of the system; an Error for what is no regular file. */
export function writePrivate(path: string, content: string | Uint8Array): void {
  refuseOthers(path);
  const partial = `${path}.new`;
  const file = createPrivate(partial);
  try {
    fs.writeFileSync(file, content);
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
  fs.renameSync(partial, path);
}

/** The text of a regular file; undefined where there is none. Errors: as writePrivate. */
export function readPrivate(path: string): string | undefined {
  if (refuseOthers(path) === undefined) return undefined;
  const file = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    return fs.readFileSync(file, 'utf8');
  } finally {
    fs.closeSync(file);
  }
}

/** Takes a file away from everybody but its owner. One that belongs to somebody else stays as it is.
 *  Errors: as writePrivate. */
export function makePrivate(path: string): void {
  const found = refuseOthers(path);
  if (found === undefined || (found.mode & 0o077) === 0) return;
  try {
    fs.chmodSync(path, ownerOnly);
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'EPERM')) throw err;
  }
}

/** Makes an empty file, or takes one that is there away from others. That is never opened for it, since closing a file ends
 *  the locks that this process has on it. Errors: as writePrivate. */
export function ensurePrivate(path: string): void {
  try {
    fs.closeSync(fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, ownerOnly));
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'EEXIST')) throw err;
    makePrivate(path);
  }
}

/** The status of a file; undefined if there is none. Errors: an Error for anything but a regular file. */
export function refuseOthers(path: string): fs.Stats | undefined {
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return found;
  const what = found.isSymbolicLink() ? 'a link' : found.isFIFO() ? 'a FIFO' : 'no regular file';
  throw new Error(`${path} is ${what}`);
}
