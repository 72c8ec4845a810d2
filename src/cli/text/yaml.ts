// Reads YAML that people write by hand.
import { parseDocument } from 'yaml';

/** The document in a text of YAML. Throws an Error of one line, without the lines at fault: a secret may stand
 *  in them. */
export function parseYaml(text: string): unknown {
  const document = parseDocument(text, { stringKeys: true });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) throw new Error(fault.message.split(/:?\n/)[0]);
  const value: unknown = document.toJS();
  return value;
}
