// A recording as files: texts as they stood on the host, and capture.json, which says of every read
// what came of it. Text only, so that a capture can be looked at, compared and kept in a repository.
import { AppError, errorCodes, type ErrorCode } from '../../core/errors.ts';
import type { Asked, Outcome, Read } from './recording.ts';

export const manifestName = 'capture.json';

export interface CaptureInfo {
  /** The version of the agent that made it. */
  readonly agentVersion: string;
  /** Whether serial numbers, UUIDs, MACs and host names are fakes. */
  readonly redacted: boolean;
}

/** One read in the manifest: what was asked, and one of the fields that say what came of it. */
interface Entry {
  read: Asked['read'];
  path?: string;
  offset?: number;
  length?: number;
  tool?: string;
  args?: readonly string[];
  /** The name of the file beside the manifest that holds the text. */
  file?: string;
  /** The text itself, where it would be no clean text file. */
  text?: string;
  base64?: string;
  names?: readonly string[];
  target?: string;
  absent?: true;
  error?: { code: string; message: string; reason?: string };
}

/** Gives a file beside the manifest. */
type TextOf = (name: string) => string | undefined | Promise<string | undefined>;

/** The files of a capture by their names. Shape: deterministic, sorted, one read a line. */
export function toFiles(reads: readonly Read[], info: CaptureInfo): Map<string, string> {
  const texts = new TextFiles();
  const entries = reads.map((read) => JSON.stringify(entryOf(read, texts)));
  const head = {
    format: 'dragonfly-capture',
    version: 1,
    agent_version: info.agentVersion,
    redacted: info.redacted,
  };
  const opening = JSON.stringify(head).slice(0, -1);
  const manifest = `${opening},"reads":[\n${entries.join(',\n')}\n]}\n`;
  return new Map([[manifestName, manifest], ...texts.sorted()]);
}

/** The reads of a capture.
 *  Errors: AppError `read.malformed`. */
export async function fromFiles(manifest: string, textOf: TextOf, path: string): Promise<Read[]> {
  try {
    // Whatever has another shape fails in readOf.
    const { format, version, reads }: { format: unknown; version: unknown; reads: Entry[] } =
      JSON.parse(manifest);
    if (format !== 'dragonfly-capture') throw new Error('it is not a capture of dragonfly-agent');
    if (version !== 1) throw new Error('it was made by a newer agent');
    return await Promise.all(reads.map((entry) => readOf(entry, textOf)));
  } catch (cause) {
    throw new AppError('read.malformed', `${path} cannot be replayed`, {
      cause,
      details: { path },
    });
  }
}

function entryOf({ asked, outcome }: Read, texts: TextFiles): Entry {
  const entry: Entry = { ...askedFields(asked) };
  if ('absent' in outcome) return { ...entry, absent: true };
  if ('error' in outcome) return { ...entry, error: outcome.error };
  const { value } = outcome;
  if (value instanceof Uint8Array) {
    return { ...entry, base64: Buffer.from(value).toString('base64') };
  }
  if (typeof value !== 'string') return { ...entry, names: value };
  if (asked.read === 'link') return { ...entry, target: value };
  const file = fileName(asked);
  if (file === undefined || !isCleanText(value) || !texts.add(file, value)) {
    return { ...entry, text: value };
  }
  return { ...entry, file };
}

function askedFields(asked: Asked): Entry {
  if (asked.read === 'exec') return { read: 'exec', tool: asked.tool, args: asked.args };
  if (asked.read === 'bytes' && asked.range !== undefined) {
    return { read: 'bytes', path: asked.path, ...asked.range };
  }
  return { read: asked.read, path: asked.path };
}

/** Where a text stands: a file at its own path, a command's output under its words. */
function fileName(asked: Asked): string | undefined {
  if (asked.read === 'exec') {
    const words = [asked.tool, ...asked.args].join(' ').replaceAll(/[^\w.-]+/g, '_');
    return words.length > 100 ? undefined : `commands/${words}.txt`;
  }
  const parts = asked.path.split('/').slice(1);
  const isPlain = parts.every((part) => part !== '' && part !== '.' && part !== '..');
  return isPlain ? parts.join('/') : undefined;
}

/** No NUL or other control character, and no sign that the bytes were not UTF-8. */
function isCleanText(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return !/[\0-\x08\x0b-\x1f\x7f\ufffd]/.test(text);
}

/** The text files beside the manifest. */
class TextFiles {
  readonly #files = new Map<string, string>();
  readonly #directories = new Set<string>();

  /** False when a file or directory of this name is there, or a file on the way to it. */
  add(name: string, text: string): boolean {
    const above = directoriesOf(name);
    const taken = name === manifestName || this.#files.has(name) || this.#directories.has(name);
    if (taken || above.some((directory) => this.#files.has(directory))) return false;
    for (const directory of above) this.#directories.add(directory);
    this.#files.set(name, text);
    return true;
  }

  sorted(): [string, string][] {
    return [...this.#files].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }
}

/** "a/b/c" → "a", "a/b" */
function directoriesOf(name: string): string[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}

async function readOf(entry: Entry, textOf: TextOf): Promise<Read> {
  return { asked: askedOf(entry), outcome: await outcomeOf(entry, textOf) };
}

function askedOf(entry: Entry): Asked {
  const { read, path, offset, length, tool, args } = entry;
  if (read === 'exec') {
    if (typeof tool !== 'string' || !isStrings(args)) throw new Error('a command is missing');
    return { read, tool, args };
  }
  if (typeof path !== 'string') throw new Error('a path is missing');
  if (read === 'text' || read === 'list' || read === 'link') return { read, path };
  if (read !== 'bytes') throw new Error('a read of an unknown kind');
  if (offset === undefined || length === undefined) return { read, path };
  return { read, path, range: { offset, length } };
}

async function outcomeOf(entry: Entry, textOf: TextOf): Promise<Outcome> {
  if (entry.absent === true) return { absent: true };
  if (entry.error !== undefined) return { error: errorOf(entry.error) };
  if (typeof entry.base64 === 'string') {
    return { value: new Uint8Array(Buffer.from(entry.base64, 'base64')) };
  }
  if (isStrings(entry.names)) return { value: entry.names };
  const text =
    typeof entry.file === 'string' ? await textOf(`/${entry.file}`) : (entry.text ?? entry.target);
  if (typeof text !== 'string')
    throw new Error(`the content of ${entry.path ?? 'a read'} is missing`);
  return { value: text };
}

function errorOf({ code, message, reason }: NonNullable<Entry['error']>): {
  code: ErrorCode;
  message: string;
  reason?: string;
} {
  if (!isErrorCode(code) || typeof message !== 'string')
    throw new Error('an error of unknown kind');
  return typeof reason === 'string' ? { code, message, reason } : { code, message };
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
