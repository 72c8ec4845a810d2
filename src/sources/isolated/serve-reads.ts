// Reads files on behalf of another process, one request per line of standard input. The process that runs
// this can be killed when a read hangs.
import { writeSync } from 'node:fs';
import { stdin } from 'node:process';
import { isAppError } from '../../core/errors.ts';
import { directoryTree } from '../directory.ts';
import { hostFiles, type Files } from '../files.ts';
import { TreeFiles } from '../tree.ts';
import type { Answer, Request } from './isolated.ts';

/** Serves until standard input ends. `top` is "/" for this host, or the directory of a captured host. */
export function serveReads(top: string): void {
  const files: Files = top === '/' ? hostFiles : new TreeFiles(directoryTree(top));
  // The first line announces that it is ready.
  writeAll('{}\n');
  let pending = '';
  stdin.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (pending + chunk).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) {
      // Both ends belong to the same version of this package.
      const request: Request = JSON.parse(line);
      writeAll(`${JSON.stringify(answer(files, request))}\n`);
    }
  });
}

function answer(files: Files, request: Request): Answer {
  try {
    if (request.method !== 'bytes') return { value: files[request.method](request.path) };
    const bytes = files.bytes(request.path, request.range);
    return bytes === undefined ? {} : { base64: Buffer.from(bytes).toString('base64') };
  } catch (err) {
    if (!isAppError(err)) throw err;
    const reason = err.cause instanceof Error ? err.cause.message : undefined;
    return { error: { code: err.code, message: err.message, reason, details: err.details } };
  }
}

function writeAll(text: string): void {
  const bytes = Buffer.from(text);
  for (let sent = 0; sent < bytes.length;) sent += writeSync(1, bytes, sent);
}
