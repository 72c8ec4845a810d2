// Parses request bodies, JSON and YAML: bounded in depth, and without prototype keys.
import secureJson from 'secure-json-parse';
import { isScalar, parseDocument, visit, type Document } from 'yaml';
import { AppError } from '../../../core/errors.ts';
import { exactReviver, stringifyExact } from '../../../core/text/exact-json.ts';
import { isWellFormed, wellFormed } from '../../../core/text/unicode.ts';
import { hasMoreLexemes, withoutStacks } from '../../rules/bounded-yaml.ts';

/** Deeper than any document of this API, and shallow enough for recursive code. */
const maxDepth = 32;

/** UTF-8 has no lone surrogates; only an escape brings one. */
const maybeLoneSurrogate = /\\ud[89a-f]/i;

/** Whoever writes a key of a prototype in JSON writes one of these, or a byte order mark before it all. */
const maybePrototype = ['__proto__', 'constructor', '\\u', '\uFEFF'] as const;

/** The treatment of lone surrogates, which no strict reader of the answers accepts. */
export type Surrogates = 'mend' | 'refuse';

/** Parses JSON. Errors: AppError `request.malformed`. */
export function parseJson(text: string, surrogates: Surrogates = 'refuse'): unknown {
  refuseDepth(text);
  let value: unknown;
  try {
    value = parseSafely(text);
  } catch (cause) {
    throw new AppError('request.malformed', 'cannot read the body as JSON', {
      cause,
    });
  }
  const isOperators = surrogates === 'refuse';
  if (isOperators && membersOf(text) > keysOf(value)) throw hasTwin();
  if (!text.includes('\\u') || !maybeLoneSurrogate.test(text)) return value;
  if (!isOperators) return wellFormed(value);
  if (isWellFormed(value)) return value;
  throw new AppError('request.malformed', 'the body has half of a surrogate pair in a text');
}

/** Errors: SyntaxError. */
function parseSafely(text: string): unknown {
  const reviver = exactReviver(text);
  // Most texts have no such key, which is far quicker to see than to read.
  if (!mayHavePrototype(text)) {
    return reviver === undefined ? JSON.parse(text) : JSON.parse(text, reviver);
  }
  const actions = { protoAction: 'error', constructorAction: 'error' } as const;
  return secureJson.parse(text, reviver, actions);
}

/** The limit for a request in YAML: some 7000 lines of "key: value", which are read in a tenth of a second, and nobody else is served
 *  meanwhile. The text of a block is one. What is stored has no such limit. */
const mostLexemes = 50_000;

/** Parses YAML into what the same document would be in JSON. Errors: AppError `request.malformed`. */
export function parseYaml(text: string, surrogates: Surrogates = 'refuse'): unknown {
  if (hasMoreLexemes(text, mostLexemes)) throw tooMany();
  let json: string | undefined;
  try {
    // Block collections nest by indentation; only the round trip through JSON makes their depth visible.
    json = stringifyExact(
      withoutStacks(() => {
        const document = parseDocument(text, {
          // It would compare each key with all before it.
          uniqueKeys: false,
          intAsBigInt: true,
          // Also where a directive names YAML 1.1, in which 0644 is 420 and yes is true.
          schema: 'core',
          // Its warnings would bring the text into the log.
          logLevel: 'error',
          // Each error of a text on one line would copy all of it.
          prettyErrors: false,
        });
        const [fault] = document.errors;
        if (fault !== undefined) throw fault;
        refuseTwins(document);
        const value: unknown = document.toJS({ reviver: finite, maxAliasCount: 100 });
        return value;
      }),
    );
  } catch (cause) {
    if (cause instanceof RangeError) throw tooDeep();
    if (Object(cause).code === 'MULTIPLE_DOCS') throw severalDocuments();
    throw new AppError('request.malformed', 'cannot read the body as YAML', {
      cause,
    });
  }
  return json === undefined ? undefined : parseJson(json, surrogates);
}

/** Throws an Error for a map with a key twice, of which one would be passed over in silence. */
function refuseTwins(document: Document): void {
  visit(document, {
    Map(_key, { items }) {
      const names = items.flatMap(({ key }) => (isScalar(key) ? [key.value] : []));
      if (new Set(names).size < names.length) throw new Error('Map keys must be unique');
    },
  });
}

/** JSON has no infinity, and would make it null. As an object it is refused where a number is meant, or a text. */
function finite(_key: unknown, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? { number: String(value) } : value;
}

function mayHavePrototype(text: string): boolean {
  for (const part of maybePrototype) if (text.includes(part)) return true;
  return false;
}

/** True if the text has so many opening brackets that it may be nested too deep. */
function hasMany(text: string): boolean {
  let count = 0;
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      if (++count > maxDepth) return true;
    }
  }
  return false;
}

/** Counts brackets outside strings, which is cheaper than walking the parsed value. */
function refuseDepth(text: string): void {
  if (!hasMany(text)) return;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) i = endOfString(text, i);
    else if (c === 0x5b || c === 0x7b) {
      if (++depth > maxDepth) {
        throw tooDeep();
      }
    } else if (c === 0x5d || c === 0x7d) depth--;
  }
}

/** The members that the text of a JSON document has, one for each colon outside strings. */
function membersOf(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) i = endOfString(text, i);
    else if (c === 0x3a) count++;
  }
  return count;
}

/** The keys of all objects in the document. */
function keysOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const parts: unknown[] = Object.values(value);
  const own = Array.isArray(value) ? 0 : parts.length;
  return parts.reduce<number>((count, part) => count + keysOf(part), own);
}

/** Readers differ in which one they take, and the other would be passed over in silence (RFC 8259, section 4). */
function hasTwin(): AppError {
  return new AppError('request.malformed', 'the body has a key twice in one object: write it once');
}

function severalDocuments(): AppError {
  return new AppError(
    'request.malformed',
    'the body has several YAML documents: send each in a request of its own',
  );
}

function tooMany(): AppError {
  return new AppError(
    'request.malformed',
    `the body has more than ${mostLexemes} words and signs of YAML: send it as JSON`,
  );
}

function tooDeep(): AppError {
  return new AppError('request.malformed', `the body is nested deeper than ${maxDepth} levels`);
}

/** The index of the quote that closes the string opened at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === 0x5c) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}
