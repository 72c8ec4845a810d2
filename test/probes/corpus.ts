// The corpus of captured machines, where it is there: it is never part of this repository. Its archive
// is read into memory, since unpacking 140,000 files takes longer than testing them.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MemoryRoot, type Entry } from './memory-root.ts';

const home =
  process.env['DRAGONFLY_CORPUS'] ?? resolve(import.meta.dirname, '../../../shared/corpus');
const archive = join(home, 'machines.tar.xz');

export const hasCorpus = existsSync(archive);

/** The certain facts about a machine, by section and field; undefined where nothing was published. */
export function expectation(name: string): Record<string, Record<string, unknown>> | undefined {
  const file = join(home, 'expect', `${name}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** Every machine of the corpus by name. */
export function loadMachines(): Map<string, MemoryRoot> {
  const tar = execFileSync('xz', ['--decompress', '--stdout', archive], { maxBuffer: 2 ** 30 });
  const files = new Map<string, [string, Entry][]>();
  for (const { path, entry } of tarEntries(tar)) {
    const [, machine, ...rest] = path.split('/');
    if (machine === undefined || rest.length === 0) continue;
    const known = files.get(machine) ?? [];
    known.push([`/${rest.join('/')}`, entry]);
    files.set(machine, known);
  }
  return new Map([...files].map(([name, entries]) => [name, toRoot(entries)]));
}

/** A tree's dmidecode.txt stands for the command. */
function toRoot(entries: [string, Entry][]): MemoryRoot {
  const output = entries.find(([path]) => path === '/dmidecode.txt')?.[1];
  const text = output instanceof Uint8Array ? Buffer.from(output).toString('utf8') : undefined;
  return new MemoryRoot(entries, text === undefined ? {} : { dmidecode: text });
}

const block = 512;

/** Files and symbolic links of a tar archive in ustar, pax or GNU format. */
function* tarEntries(tar: Buffer): Generator<{ path: string; entry: Entry }> {
  let long: { path?: string; link?: string } = {};
  for (let at = 0; at + block <= tar.length && tar[at] !== 0;) {
    const header = tar.subarray(at, at + block);
    const size = Number.parseInt(field(header, 124, 12), 8);
    const content = tar.subarray(at + block, at + block + size);
    at += block + Math.ceil(size / block) * block;
    const type = field(header, 156, 1);
    if (type === 'L') long = { ...long, path: field(content, 0, size) };
    else if (type === 'K') long = { ...long, link: field(content, 0, size) };
    else if (type === 'x') long = { ...long, ...paxFields(content.toString('utf8')) };
    else {
      const path = long.path ?? headerPath(header);
      if (type === '2') yield { path, entry: { link: long.link ?? field(header, 157, 100) } };
      if (type === '0') yield { path, entry: new Uint8Array(content) };
      long = {};
    }
  }
}

function paxFields(text: string): { path?: string; link?: string } {
  const path = /^\d+ path=(.*)$/m.exec(text)?.[1];
  const link = /^\d+ linkpath=(.*)$/m.exec(text)?.[1];
  return { ...(path !== undefined && { path }), ...(link !== undefined && { link }) };
}

function headerPath(header: Buffer): string {
  const prefix = field(header, 257, 6) === 'ustar' ? field(header, 345, 155) : '';
  return prefix === '' ? field(header, 0, 100) : `${prefix}/${field(header, 0, 100)}`;
}

/** Text up to its NUL. */
function field(bytes: Buffer, from: number, length: number): string {
  const part = bytes.subarray(from, from + length);
  const end = part.indexOf(0);
  return part.toString('utf8', 0, end === -1 ? length : end);
}
