// The two programs that read files for the agent, beside the agent's own reading. The one of the netboot image is compiled
// here; needs gcc, and says so where it is missing.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { thisArch } from '../../../initramfs/arch.ts';
import { compileProgram } from '../../../initramfs/content/c-programs.ts';
import { isAppError } from '../../../src/core/errors.ts';
import { hostFiles } from '../../../src/sources/files.ts';
import { ReadingProcess } from '../../../src/sources/isolated/reading-process.ts';
import {
  bytesOf,
  formatNames,
  parseNames,
  type Request,
} from '../../../src/sources/isolated/reads.ts';

const dir = mkdtempSync(join(tmpdir(), 'dragonfly-reads-'));
const program = join(dir, 'read-files');
const compiled = compileProgram(thisArch(), 'read-files', program);
afterAll(() => {
  rmSync(dir, { recursive: true });
});

const files = join(dir, 'files');
mkdirSync(join(files, 'empty'), { recursive: true });
mkdirSync(join(files, 'many'));
for (const name of ['b', 'a', '-n', 'two\nlines', ' blank ', 'ü"\\', ...Array(300).keys()]) {
  writeFileSync(join(files, 'many', String(name)), '');
}
writeFileSync(join(files, 'text'), 'a line\nand "another" \\ one\u0000ü');
writeFileSync(join(files, 'nothing'), '');
for (const length of [1, 2, 3, 65_536, 200_001]) {
  writeFileSync(join(files, `bytes-${length}`), Buffer.alloc(length, 'ÿ\u0001', 'latin1'));
}
writeFileSync(join(files, 'large'), '');
truncateSync(join(files, 'large'), 16 * 1024 ** 2 + 1);
writeFileSync(join(files, 'largest'), Buffer.alloc(16 * 1024 ** 2, 'abc'));
symlinkSync('many/a', join(files, 'link'));
symlinkSync('loop', join(files, 'loop'));
symlinkSync('absent', join(files, 'dangling'));
execFileSync('mkfifo', [join(files, 'fifo')]);

const names = ['text', 'nothing', 'bytes-1', 'bytes-2', 'bytes-3', 'bytes-65536', 'bytes-200001'];
const others = ['large', 'link', 'loop', 'dangling', 'fifo', 'empty', 'many', 'absent', 'text/x'];
const paths = [...[...names, ...others].map((name) => join(files, name)), '/dev/zero', '/dev/null'];
const ranges = [
  { offset: 0, length: 0 },
  { offset: 1, length: 5 },
  { offset: 100_000, length: 200_000 },
  { offset: 300_000, length: 4096 },
  { offset: 0, length: 16 * 1024 ** 2 + 1 },
];
const requests: Request[] = paths.flatMap((path) => [
  ...(['text', 'bytes', 'list', 'link'] as const).map((method) => ({ method, path })),
  ...ranges.map((range) => ({ method: 'bytes' as const, path, range })),
]);
requests.push({ method: 'bytes', path: join(files, 'largest') });

/** The digest of what was read, or the error. */
async function outcome(
  read: () => Promise<Uint8Array | undefined> | Uint8Array | undefined,
): Promise<unknown> {
  try {
    const bytes = await read();
    // A difference of long texts would take longer to show than to find.
    return bytes && [bytes.length, createHash('sha256').update(bytes).digest('hex')];
  } catch (err) {
    if (!isAppError(err)) throw err;
    const { code, message, details, cause } = err;
    return { code, message, details, reason: cause instanceof Error ? cause.message : undefined };
  }
}

/** As this process reads it. */
function readHere({ method, path, range }: Request): Uint8Array | undefined {
  if (method === 'bytes') return hostFiles.bytes(path, range);
  const found = method === 'list' ? hostFiles.list(path) : hostFiles[method](path);
  if (found === undefined) return undefined;
  return Buffer.from(typeof found === 'string' ? found : formatNames(found));
}

describe.each([
  ['Node', undefined, true],
  [compiled ? 'the program in C' : 'the program in C (skipped: no gcc)', [program], compiled],
] as const)('%s', (_, command, isThere) => {
  let reader: ReadingProcess;
  beforeAll(async () => {
    if (!isThere) return;
    reader = new ReadingProcess('/', command);
    await reader.ready;
  });
  afterAll(() => {
    if (isThere) reader.kill();
  });

  it.skipIf(!isThere)('reads what the agent would, and fails where it would', async () => {
    for (const request of requests) {
      const what = `${request.method} ${request.path} ${JSON.stringify(request.range)}`;
      const found = await outcome(async () => {
        const bytes = bytesOf(await reader.ask(request), request.path);
        if (request.method === 'bytes' || bytes === undefined) return bytes;
        const text = bytes.toString();
        return Buffer.from(request.method === 'list' ? formatNames(parseNames(text)) : text);
      });
      expect([what, found]).toEqual([what, await outcome(() => readHere(request))]);
    }
  });
});
