// A recording as files: the texts as they were on the host, and capture.json with the outcome of every
// read. All of it is text, so that a capture can be read, compared and kept in a repository.
import { AppError, isErrorCode, type ErrorCode } from '../../core/errors.ts';
import type { Asked, Outcome, Read } from './recording.ts';

export const manifestName = 'capture.json';

export interface CaptureInfo {
  /** The version of the agent that made it. */
  readonly agentVersion: string;
  /** True if serial numbers, UUIDs, MACs and host names are fakes. */
  readonly redacted: boolean;
}

/** A read in the manifest: its question, and one of the fields for the outcome. */
interface Entry {
  read: Asked['read'];
  path?: string;
  offset?: number;
  length?: number;
  tool?: string;
  args?: readonly string[];
  /** The name of the file beside the manifest that holds the text. */
  file?: string;
  /** The text itself, if it would not make a clean text file. */
  text?: string;
  base64?: string;
  names?: readonly string[];
  target?: string;
  absent?: true;
  error?: { code: string; message: string; reason?: string };
}

/** Returns the content of a file beside the manifest. */
type TextOf = (name: string) => string | undefined | Promise<string | undefined>;

/** The files of a capture by name. Shape: deterministic, sorted, one read per line. */
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
    // Any other shape fails in readOf.
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

/** The place of a text: a file's own path, or the words of a command. */
function fileName(asked: Asked): string | undefined {
  if (asked.read === 'exec') {
    const words = [asked.tool, ...asked.args].join(' ').replaceAll(/[^\w.-]+/g, '_');
    return words.length > 100 ? undefined : `commands/${words}.txt`;
  }
  const parts = asked.path.split('/').slice(1);
  const isPlain = parts.every((part) => part !== '' && part !== '.' && part !== '..');
  return isPlain ? parts.join('/') : undefined;
}

/** True for text without control characters and without signs that the bytes were not UTF-8. */
function isCleanText(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return !/[\0-\x08\x0b-\x1f\x7f\ufffd]/.test(text);
}

/** The text files beside the manifest. */
class TextFiles {
  readonly #files = new Map<string, string>();
  readonly #directories = new Set<string>();

  /** False if a file or directory has this name already, or a file is in its way. */
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

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
