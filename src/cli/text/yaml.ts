// Reads YAML that people write by hand.
import { LineCounter, parseDocument, type YAMLParseError, type YAMLWarning } from 'yaml';

/** The document in a text of YAML; integers that a number cannot hold are bigints. Throws an Error of one line that
 *  repeats nothing of the text: a secret may stand in it. */
export function parseYaml(text: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, {
    stringKeys: true,
    // By the rules of YAML 1.2 also where a directive names 1.1, in which 010 is eight and yes is true.
    schema: 'core',
    // Each error would copy the whole line, and with it all of a text of one line.
    prettyErrors: false,
    intAsBigInt: true,
    lineCounter,
  });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) throw new Error(`${sayingOf(fault)}${placeOf(fault, lineCounter)}`);
  let [isEndless, isNone] = [false, false];
  let value: unknown;
  try {
    value = document.toJS({
      reviver(_key, found: unknown) {
        isNone ||= Number.isNaN(found);
        isEndless ||= typeof found === 'number' && !Number.isFinite(found);
        return typeof found === 'bigint' ? numberOf(found) : found;
      },
    });
  } catch {
    // The parser's sentence has the name of the alias, which is the rest of a text that begins with "*".
    throw new Error(
      'an alias has no anchor, or too many: put quotes around a text that begins with *',
    );
  }
  if (isNone) throw new Error('.nan, which is no number: put quotes around a text');
  if (isEndless) throw new Error('a number that is too large: put quotes around a text of digits');
  return value;
}

function numberOf(integer: bigint): number | bigint {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}

/** Sentences for the faults of which the parser's own sentence repeats a part of the text. */
const sayings: Readonly<Partial<Record<YAMLParseError['code'], string>>> = {
  TAG_RESOLVE_FAILED: 'a tag that is not known: put quotes around a text that begins with !',
  BAD_DQ_ESCAPE: 'an escape sequence that is not known, in double quotes',
  BAD_DIRECTIVE: 'a directive that is not known: put quotes around a text that begins with %',
  BAD_COLLECTION_TYPE: 'a tag that does not go with what follows it',
  UNEXPECTED_TOKEN: 'a sign that means nothing here',
  MULTIPLE_DOCS: 'several documents, of which one can be read: put each into a file of its own',
};

function sayingOf({ code, message }: YAMLParseError | YAMLWarning): string {
  return sayings[code] ?? message.split(/ at line |:?\n/)[0] ?? message;
}

function placeOf({ pos: [start] }: YAMLParseError | YAMLWarning, lines: LineCounter): string {
  if (start < 0) return '';
  const { line, col } = lines.linePos(start);
  return ` at line ${line}, column ${col}`;
}
