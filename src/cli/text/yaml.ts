// Reads YAML that people write by hand.
import { parseDocument, type YAMLParseError, type YAMLWarning } from 'yaml';

/** The document in a text of YAML. Throws an Error of one line that repeats nothing of the text: a secret may stand
 *  in it. */
export function parseYaml(text: string): unknown {
  // By the rules of YAML 1.2 also where a directive names 1.1, in which 010 is eight and yes is true.
  const document = parseDocument(text, { stringKeys: true, schema: 'core' });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) throw new Error(`${sayingOf(fault)}${placeOf(fault)}`);
  try {
    const value: unknown = document.toJS();
    return value;
  } catch {
    // The parser's sentence has the name of the alias, which is the rest of a text that begins with "*".
    throw new Error(
      'an alias has no anchor, or too many: put quotes around a text that begins with *',
    );
  }
}

/** Sentences for the faults of which the parser's own sentence repeats a part of the text. */
const sayings: Readonly<Partial<Record<YAMLParseError['code'], string>>> = {
  TAG_RESOLVE_FAILED: 'a tag that is not known: put quotes around a text that begins with !',
  BAD_DQ_ESCAPE: 'an escape sequence that is not known, in double quotes',
  BAD_DIRECTIVE: 'a directive that is not known: put quotes around a text that begins with %',
  BAD_COLLECTION_TYPE: 'a tag that does not go with what follows it',
  UNEXPECTED_TOKEN: 'a sign that means nothing here',
};

function sayingOf({ code, message }: YAMLParseError | YAMLWarning): string {
  return sayings[code] ?? message.split(/ at line |:?\n/)[0] ?? message;
}

function placeOf({ linePos }: YAMLParseError | YAMLWarning): string {
  const [start] = linePos ?? [];
  return start === undefined ? '' : ` at line ${start.line}, column ${start.col}`;
}
