// Reads files on behalf of another process, by the requests on standard input. The process that runs this can be killed
// when a read hangs.
import { stdin, stdout } from 'node:process';
import { isAppError } from '../../core/errors.ts';
import { directoryTree } from '../directory.ts';
import { hostFiles, type Files } from '../files.ts';
import { TreeFiles } from '../tree.ts';
import { formatNames, parseRequest, type Answer, type Request } from './reads.ts';

/** Serves until standard input ends. `top` is "/" for this host, or the directory of a captured host. */
export function serveReads(top: string): void {
  const files: Files = top === '/' ? hostFiles : new TreeFiles(directoryTree(top));
  stdout.write('{}\n');
  let pending = '';
  stdin.setEncoding('utf8').on('data', (chunk: string) => {
    const requests = (pending + chunk).split('\0');
    pending = requests.pop() ?? '';
    for (const request of requests) {
      stdout.write(`${JSON.stringify(answer(files, parseRequest(request)))}\n`);
    }
  });
}

function answer(files: Files, request: Request): Answer {
  try {
    const found = read(files, request);
    return found === undefined ? {} : { base64: Buffer.from(found).toString('base64') };
  } catch (err) {
    if (!isAppError(err)) throw err;
    const reason = err.cause instanceof Error ? err.cause.message : undefined;
    return { code: err.code, error: { message: err.message, reason, details: err.details } };
  }
}

function read(files: Files, { method, path, range }: Request): Uint8Array | string | undefined {
  if (method === 'bytes') return files.bytes(path, range);
  if (method !== 'list') return files[method](path);
  const names = files.list(path);
  return names && formatNames(names);
}
