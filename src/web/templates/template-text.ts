// A template as text: the YAML that is edited, and the line that a fault of the server's is on. Pure; no DOM.
import { LineCounter, parseDocument, stringify } from 'yaml';
import type { Template } from '../../model/documents/template.ts';

/** A fault of a text. `line` counts from 1; undefined: it is on none of its own. */
export interface Fault {
  readonly line: number | undefined;
  readonly message: string;
}

/** By the rules of YAML 1.2, whatever a directive says. Integers beyond 2^53 stay exact. */
const options = {
  schema: 'core',
  intAsBigInt: true,
  uniqueKeys: true,
  logLevel: 'error',
} as const;

export function textOf(template: Template): string {
  return stringify(template, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** The document in a text, or why it is no YAML. */
export function documentOf(text: string): { readonly value: unknown } | { readonly fault: Fault } {
  try {
    const document = parseDocument(text, options);
    const [error] = document.errors;
    if (error === undefined) return { value: document.toJS({ maxAliasCount: 100 }) };
    const message = error.message.split(/ at line \d+|\n/, 1)[0] ?? error.message;
    return { fault: { line: error.linePos?.[0].line, message } };
  } catch (err) {
    // An alias of nothing or of too much, or a text that is nested too deep.
    return {
      fault: { line: undefined, message: err instanceof Error ? err.message : String(err) },
    };
  }
}

/** The line of a path of the server's, such as "spec.actions[2].url". For a missing field, the line of what should have
 *  it. */
export function lineOf(text: string, path: string): number | undefined {
  const lines = new LineCounter();
  const document = parseDocument(text, { ...options, lineCounter: lines });
  const keys = partsOf(path);
  for (let length = keys.length; length > 0; length -= 1) {
    const offset = offsetOf(document, keys.slice(0, length));
    if (offset !== undefined) return lines.linePos(offset).line;
  }
  return undefined;
}

function partsOf(path: string): (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name = '']) =>
    index === undefined ? name : Number(index),
  );
}

/** The place at which the key, or the item of a list, begins. */
function offsetOf(
  document: ReturnType<typeof parseDocument>,
  keys: readonly (string | number)[],
): number | undefined {
  const parent: unknown =
    keys.length === 1 ? document.contents : document.getIn(keys.slice(0, -1), true);
  const last = keys.at(-1);
  const { items } = Object(parent);
  if (!Array.isArray(items)) return undefined;
  const item: unknown = items.find((one, i) => i === last || Object(one).key?.value === last);
  const { range } = Object(Object(item).key ?? item);
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : undefined;
}

/** The text of an example under another name. */
export function withName(text: string, name: string): string {
  return text.replace(/^( {2}name:) .*$/m, (_, key: string) => `${key} ${stringify(name).trim()}`);
}

/** The text of a new template. */
export function newText(name: string): string {
  return `apiVersion: dragonfly.computer/v1
kind: Template
metadata:
  name: ${stringify(name).trim()}
spec:
  timeout: 3600
  actions:
    - action: image2disk
      url: https://images.example.net/${name}.raw.zst
      checksum: https://images.example.net/SHA512SUMS
      disk: auto
    - action: writefile
      target: root
      path: /etc/hostname
      content: "{{ hostname }}"
    - action: reboot
`;
}
