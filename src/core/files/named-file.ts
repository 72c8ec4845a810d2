// Files and directories that a person named on the command line or in settings, which may be anything.
import fs from 'node:fs';
import { dirname, resolve } from 'node:path';

/** More than any such file has. A device may have no end. Units: bytes. */
const mostBytes = 16 * 1024 * 1024;

/** The text of a file. A FIFO is refused, since perhaps nobody ever writes to it; a pipe that the shell opened, such as
 *  /dev/fd/63, is read. Errors: those of the system; an Error for a FIFO, and for more than 16 MiB. */
export function readNamedFile(path: string): string {
  if (fs.statSync(path, { throwIfNoEntry: false })?.isFIFO() === true && hasName(path))
    throw new Error(`${path} is a FIFO: name a file`);
  const file = fs.openSync(path, 'r');
  try {
    return readToEnd(file, path).toString('utf8');
  } finally {
    fs.closeSync(file);
  }
}

function readToEnd(file: number, path: string): Buffer {
  const pieces: Buffer[] = [];
  for (let bytes = 0; bytes <= mostBytes;) {
    const piece = Buffer.allocUnsafe(65_536);
    const read = fs.readSync(file, piece);
    if (read === 0) return Buffer.concat(pieces);
    pieces.push(piece.subarray(0, read));
    bytes += read;
  }
  throw new Error(`${path} has more than 16 MiB: name another file`);
}

/** Makes a directory, and those above it, where they are missing. Node's own way never returns where nothing can be
 *  made, as in /proc. Errors: those of the system. */
export function makeDirectories(path: string, mode: number): void {
  const missing: string[] = [];
  let place = resolve(path);
  for (; isMissing(place); place = dirname(place)) missing.unshift(place);
  for (const one of missing) makeOne(one, mode);
  if (missing.length === 0) makeOne(place, mode);
}

function makeOne(path: string, mode: number): void {
  try {
    fs.mkdirSync(path, { mode });
  } catch (err) {
    if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw err;
  }
}

function isMissing(path: string): boolean {
  return fs.statSync(path, { throwIfNoEntry: false }) === undefined;
}

/** False for a pipe that only a descriptor leads to. */
function hasName(path: string): boolean {
  try {
    fs.realpathSync.native(path);
    return true;
  } catch {
    return false;
  }
}
