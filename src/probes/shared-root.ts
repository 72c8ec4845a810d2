// The Root that all probes of one collection share, so that each source is read once.
import type { Root } from '../sources/root.ts';

/** Reads each source of `inner` once. Stale after its collection. */
export class SharedRoot implements Root {
  readonly description: string;
  readonly #inner: Root;
  readonly #texts = new Map<string, Promise<string | undefined>>();
  readonly #bytes = new Map<string, Promise<Uint8Array | undefined>>();
  readonly #lists = new Map<string, Promise<readonly string[] | undefined>>();
  readonly #links = new Map<string, Promise<string | undefined>>();
  readonly #outputs = new Map<string, Promise<string | undefined>>();

  constructor(inner: Root) {
    this.description = inner.description;
    this.#inner = inner;
  }

  text(path: string): Promise<string | undefined> {
    return once(this.#texts, path, () => this.#inner.text(path));
  }

  bytes(path: string, range?: { offset: number; length: number }): Promise<Uint8Array | undefined> {
    const key = range ? `${path} ${range.offset}+${range.length}` : path;
    return once(this.#bytes, key, () => this.#inner.bytes(path, range));
  }

  list(dir: string): Promise<readonly string[] | undefined> {
    return once(this.#lists, dir, () => this.#inner.list(dir));
  }

  link(path: string): Promise<string | undefined> {
    return once(this.#links, path, () => this.#inner.link(path));
  }

  exec(tool: string, args: readonly string[]): Promise<string | undefined> {
    if (changing.has(tool)) return this.#inner.exec(tool, args);
    return once(this.#outputs, [tool, ...args].join('\0'), () => this.#inner.exec(tool, args));
  }
}

/** Programs that are run for what they do, which the second time is as much needed. */
const changing = new Set(['losetup', 'mkdir', 'mount', 'umount']);

function once<T>(known: Map<string, Promise<T>>, key: string, read: () => Promise<T>): Promise<T> {
  const result = known.get(key) ?? read();
  known.set(key, result);
  return result;
}
