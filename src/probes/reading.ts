// The readers that probes use: they clean values and turn unreadable files into problems. No probe calls a
// Root's readers itself, so none can forget either.
import { isAppError, describeError, type ErrorCode } from '../core/errors.ts';
import type { Root } from '../sources/root.ts';
import type { Report } from './probe.ts';

/** The readers of one section. They return undefined for a missing file, and for one that is there but
 *  cannot be read, which also becomes a problem, once per source, and is `refused` from then on: a
 *  section must not say "none" if it could not look. They never throw. */
export class Reading {
  readonly root: Root;
  readonly section: string;
  readonly #report: Report;
  readonly #reported = new Set<string>();
  readonly #refused = new Set<string>();

  constructor(root: Root, section: string, report: Report) {
    this.root = root;
    this.section = section;
    this.#report = report;
  }

  /** The same readers without reports, for sources that another section reads and reports. */
  quietly(): Reading {
    return new Reading(this.root, this.section, () => {});
  }

  /** The single value of a file, without NULs and surrounding blanks. */
  async value(path: string): Promise<string | undefined> {
    const text = await this.text(path);
    const trimmed = text === undefined ? undefined : clean(text);
    return trimmed === '' ? undefined : trimmed;
  }

  /** The value of a file as a non-negative decimal integer. */
  async number(path: string): Promise<number | undefined> {
    const value = await this.value(path);
    return value !== undefined && /^\d{1,16}$/.test(value) ? Number(value) : undefined;
  }

  text(path: string): Promise<string | undefined> {
    return this.#guard(path, () => this.root.text(path));
  }

  bytes(path: string, range?: { offset: number; length: number }): Promise<Uint8Array | undefined> {
    return this.#guard(path, () => this.root.bytes(path, range));
  }

  /** The names in a directory: none if it is missing, undefined if it could not be read. */
  async list(dir: string): Promise<readonly string[] | undefined> {
    const names = await this.#guard(dir, () => this.root.list(dir));
    return names ?? (this.refused(dir) ? undefined : []);
  }

  link(path: string): Promise<string | undefined> {
    return this.#guard(path, () => this.root.link(path));
  }

  exec(tool: string, args: readonly string[] = []): Promise<string | undefined> {
    return this.#guard([tool, ...args].join(' '), () => this.root.exec(tool, args));
  }

  /** True if one of these sources, read before, is there but could not be read. */
  refused(...sources: readonly string[]): boolean {
    return sources.some((source) => this.#refused.has(source));
  }

  /** True if there was a problem, so that something may be there that was not seen. */
  get hasProblems(): boolean {
    return this.#reported.size > 0;
  }

  /** Reports that `source` makes no sense. */
  problem(code: ErrorCode, source: string, message: string): void {
    if (this.#reported.has(source)) return;
    this.#reported.add(source);
    this.#report({ code, section: this.section, source, message });
  }

  async #guard<T>(source: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (err) {
      // A programming error costs the probe, not just the value.
      if (!isAppError(err)) throw err;
      this.#refused.add(source);
      this.problem(err.code, source, describeError(err));
      return undefined;
    }
  }
}

/** Removes control characters, because ARM firmware pads with NULs and none may reach a terminal, and
 *  surrounding blanks. */
export function clean(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '').trim();
}
