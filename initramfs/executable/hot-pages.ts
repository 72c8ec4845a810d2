// The pages of Node that a check-in uses, as they are kept in hot-pages-ARCH.txt for one build of Node, and written by
// trace-pages.ts: its build ID, then numbers of pages in memory, hexadecimal, as in "400 42e-431".
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Arch } from '../arch.ts';
import { run } from '../tools.ts';
import type { Run } from './order.ts';

export function hotPagesFile(arch: Arch): string {
  return join(import.meta.dirname, `hot-pages-${arch}.txt`);
}

/** The list for a Node binary; undefined where there is none for this build of it. */
export function hotPages(arch: Arch, node: string): Run[] | undefined {
  const file = hotPagesFile(arch);
  if (!existsSync(file)) return undefined;
  const [id, ...words] = readFileSync(file, 'utf8').trim().split(/\s+/);
  return id === buildId(node) ? parseRuns(words) : undefined;
}

/** The digest that a linker left in a binary: another Node, or the same one built anew, has another. */
export function buildId(node: string): string {
  const [, id = 'none'] = /Build ID: ([0-9a-f]+)/.exec(run('readelf', ['-n', node])) ?? [];
  return id;
}

/** Errors: throws at a word that is neither a number nor a range. */
export function parseRuns(words: readonly string[]): Run[] {
  return words.map((word) => {
    const [, first = '', end = first] = /^([0-9a-f]+)(?:-([0-9a-f]+))?$/.exec(word) ?? [];
    const [from, last] = [Number.parseInt(first, 16), Number.parseInt(end, 16)];
    if (!(from <= last)) throw new Error(`"${word}" names no pages`);
    return { from, to: last + 1 };
  });
}

export function formatRuns(runs: readonly Run[]): string[] {
  const hex = (page: number): string => page.toString(16);
  return runs.map(({ from, to }) => (to - from > 1 ? `${hex(from)}-${hex(to - 1)}` : hex(from)));
}
