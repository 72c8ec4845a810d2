// A Root whose files are in memory: what a test says is there, and nothing else.
import { posix } from 'node:path';
import type { Root } from '../../src/sources/root.ts';

interface Part {
  offset: number;
  length: number;
}

/** Text, bytes, a link's target, what reading does instead (throw an error, never end), or a device of
 *  which parts are read. */
export type Entry =
  | string
  | Uint8Array
  | { link: string }
  | { fails: Error }
  | { hangs: true }
  | { range: (part: Part) => Uint8Array };

/** Holds files by absolute path; directories are there where a file is below them. */
export class MemoryRoot implements Root {
  readonly description = 'memory';
  /** Every path and command that was read. */
  readonly asked: string[] = [];
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #children = new Map<string, Set<string>>();
  readonly #commands: Readonly<Record<string, Entry>>;

  /** `commands` are outputs by tool and arguments: "dmidecode", "ipmitool lan print". */
  constructor(
    entries: Iterable<readonly [string, Entry]>,
    commands: Readonly<Record<string, Entry>> = {},
  ) {
    this.#entries = new Map(entries);
    this.#commands = commands;
    for (const path of this.#entries.keys()) this.#addToParents(path);
  }

  static of(
    files: Readonly<Record<string, Entry>>,
    commands: Readonly<Record<string, Entry>> = {},
  ): MemoryRoot {
    return new MemoryRoot(Object.entries(files), commands);
  }

  /** The entry at a path, links not followed. */
  entry(path: string): Entry | undefined {
    return this.#entries.get(path);
  }

  async text(path: string): Promise<string | undefined> {
    const bytes = await this.#content(path);
    return typeof bytes === 'object' ? Buffer.from(bytes).toString('utf8') : bytes;
  }

  async bytes(
    path: string,
    range?: { offset: number; length: number },
  ): Promise<Uint8Array | undefined> {
    const entry = this.#entries.get(this.#real(path));
    if (range && typeof entry === 'object' && 'range' in entry) return entry.range(range);
    const content = await this.#content(path);
    const bytes = typeof content === 'string' ? new Uint8Array(Buffer.from(content)) : content;
    return range ? bytes?.subarray(range.offset, range.offset + range.length) : bytes;
  }

  async list(dir: string): Promise<readonly string[] | undefined> {
    this.asked.push(dir);
    const real = this.#real(dir);
    const entry = this.#entries.get(real);
    if (entry !== undefined) await refuse(entry);
    const children = this.#children.get(real === '/' ? '' : real);
    return children && [...children].toSorted();
  }

  async link(path: string): Promise<string | undefined> {
    this.asked.push(path);
    const real = this.#real(path);
    const isThere = this.#entries.has(real) || this.#children.has(real);
    const isLink = this.#real(posix.dirname(path)) + '/' + posix.basename(path) !== real;
    return isThere || isLink ? real : undefined;
  }

  async exec(tool: string, args: readonly string[]): Promise<string | undefined> {
    const command = [tool, ...args].join(' ');
    this.asked.push(command);
    const entry = this.#commands[command];
    if (entry !== undefined) await refuse(entry);
    return typeof entry === 'string' ? entry : undefined;
  }

  async #content(path: string): Promise<string | Uint8Array | undefined> {
    this.asked.push(path);
    const entry = this.#entries.get(this.#real(path));
    if (entry !== undefined) await refuse(entry);
    return typeof entry === 'string' || entry instanceof Uint8Array ? entry : undefined;
  }

  #addToParents(path: string): void {
    const slash = path.lastIndexOf('/');
    const parent = path.slice(0, slash);
    const siblings = this.#children.get(parent);
    if (siblings) {
      siblings.add(path.slice(slash + 1));
      return;
    }
    this.#children.set(parent, new Set([path.slice(slash + 1)]));
    if (parent !== '') this.#addToParents(parent);
  }

  /** The path with every link on the way followed. */
  #real(path: string, depth = 0): string {
    let real = '';
    for (const name of path.split('/').filter((part) => part !== '')) {
      const here = `${real}/${name}`;
      const entry = this.#entries.get(here);
      const isLink = typeof entry === 'object' && 'link' in entry;
      real =
        isLink && depth < 40 ? this.#real(posix.resolve(real || '/', entry.link), depth + 1) : here;
    }
    return real === '' ? '/' : real;
  }
}

async function refuse(entry: Entry): Promise<void> {
  if (typeof entry === 'string' || entry instanceof Uint8Array) return;
  if ('fails' in entry) throw entry.fails;
  if ('hangs' in entry) await new Promise(() => {});
}
