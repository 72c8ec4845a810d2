// Records every read of a host with its outcome, and replays such a recording.
import { AppError, isAppError, type ErrorCode } from '../../core/errors.ts';
import type { Range } from '../files.ts';
import type { Root } from '../root.ts';

/** The question of a read. */
export type Asked =
  | { read: 'text' | 'list' | 'link'; path: string }
  | { read: 'bytes'; path: string; range?: Range | undefined }
  | { read: 'exec'; tool: string; args: readonly string[] };

/** The outcome of a read: a value, nothing, or an error. */
export type Outcome =
  | { value: string | readonly string[] | Uint8Array }
  | { absent: true }
  | { error: { code: ErrorCode; message: string; reason?: string } };

export interface Read {
  asked: Asked;
  outcome: Outcome;
}

/** A key that is equal for reads with the same question. */
function keyOf(asked: Asked): string {
  if (asked.read === 'exec') return `exec ${JSON.stringify([asked.tool, ...asked.args])}`;
  const range = asked.read === 'bytes' ? asked.range : undefined;
  return `${asked.read}${range ? ` ${range.offset}+${range.length}` : ''} ${asked.path}`;
}

/** Reads from another Root and keeps every outcome. */
export class RecordingRoot implements Root {
  readonly description: string;
  readonly #inner: Root;
  readonly #reads = new Map<string, { asked: Asked; outcome: Outcome | undefined }>();

  constructor(inner: Root) {
    this.#inner = inner;
    this.description = inner.description;
  }

  text(path: string): Promise<string | undefined> {
    return this.#note({ read: 'text', path }, this.#inner.text(path));
  }

  bytes(path: string, range?: Range): Promise<Uint8Array | undefined> {
    return this.#note({ read: 'bytes', path, range }, this.#inner.bytes(path, range));
  }

  list(dir: string): Promise<readonly string[] | undefined> {
    return this.#note({ read: 'list', path: dir }, this.#inner.list(dir));
  }

  link(path: string): Promise<string | undefined> {
    return this.#note({ read: 'link', path }, this.#inner.link(path));
  }

  exec(tool: string, args: readonly string[]): Promise<string | undefined> {
    return this.#note({ read: 'exec', tool, args: [...args] }, this.#inner.exec(tool, args));
  }

  /** Everything read so far, in a fixed order. A read still in progress counts as abandoned. */
  reads(): Read[] {
    const keys = [...this.#reads.keys()].toSorted();
    return keys.flatMap((key) => {
      const read = this.#reads.get(key);
      return read === undefined
        ? []
        : [{ asked: read.asked, outcome: read.outcome ?? givenUp(read.asked) }];
    });
  }

  async #note<T extends string | readonly string[] | Uint8Array>(
    asked: Asked,
    result: Promise<T | undefined>,
  ): Promise<T | undefined> {
    const read: { asked: Asked; outcome: Outcome | undefined } = { asked, outcome: undefined };
    const key = keyOf(asked);
    // A file may change between two reads; a replay returns the first content for both.
    if (!this.#reads.has(key)) this.#reads.set(key, read);
    try {
      const value = await result;
      read.outcome = value === undefined ? { absent: true } : { value };
      return value;
    } catch (err) {
      if (isAppError(err)) read.outcome = { error: describe(err) };
      throw err;
    }
  }
}

/** Replays a recording. Errors: those recorded, and AppError `read.not-captured`. */
export class ReplayRoot implements Root {
  readonly description: string;
  readonly #outcomes: ReadonlyMap<string, Outcome>;

  constructor(description: string, reads: readonly Read[]) {
    this.description = description;
    this.#outcomes = new Map(reads.map((read) => [keyOf(read.asked), read.outcome]));
  }

  async text(path: string): Promise<string | undefined> {
    const value = this.#replay({ read: 'text', path }, path);
    return typeof value === 'string' ? value : undefined;
  }

  async bytes(path: string, range?: Range): Promise<Uint8Array | undefined> {
    const value = this.#replay({ read: 'bytes', path, range }, path);
    return value instanceof Uint8Array ? value : undefined;
  }

  async list(dir: string): Promise<readonly string[] | undefined> {
    const value = this.#replay({ read: 'list', path: dir }, dir);
    return typeof value === 'string' || value instanceof Uint8Array ? undefined : value;
  }

  async link(path: string): Promise<string | undefined> {
    const value = this.#replay({ read: 'link', path }, path);
    return typeof value === 'string' ? value : undefined;
  }

  async exec(tool: string, args: readonly string[]): Promise<string | undefined> {
    const value = this.#replay({ read: 'exec', tool, args }, [tool, ...args].join(' '));
    return typeof value === 'string' ? value : undefined;
  }

  #replay(asked: Asked, source: string): string | readonly string[] | Uint8Array | undefined {
    const outcome = this.#outcomes.get(keyOf(asked));
    if (outcome === undefined) {
      throw new AppError('read.not-captured', `the capture does not hold ${source}`, {
        details: { path: source },
      });
    }
    if ('absent' in outcome) return undefined;
    if ('value' in outcome) return outcome.value;
    const { code, message, reason } = outcome.error;
    const cause = reason === undefined ? undefined : new Error(reason);
    throw new AppError(code, message, { cause, details: { path: source } });
  }
}

function describe(err: AppError): { code: ErrorCode; message: string; reason?: string } {
  const { code, message, cause } = err;
  return cause instanceof Error ? { code, message, reason: cause.message } : { code, message };
}

function givenUp(asked: Asked): Outcome {
  const source = asked.read === 'exec' ? [asked.tool, ...asked.args].join(' ') : asked.path;
  return { error: { code: 'read.timeout', message: `gave up on ${source}` } };
}
