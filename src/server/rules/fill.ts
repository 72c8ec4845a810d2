// Fills in the variables of a template, in every text field of its actions. In a file's content a value is
// written as its place in YAML or JSON needs it. Pure.
import type { Template, TemplateAction } from '../../model/documents/template.ts';
import type { Variable, Variables } from './variables.ts';

/** Replaces `{{ name }}`. Unknown names stay as they are: cloud-init and others have braces of their own. */
export function fillTemplate(template: Template, variables: Variables): Template {
  const actions = template.spec.actions.map((action) => fillAction(action, variables));
  return { ...template, spec: { ...template.spec, actions } };
}

function fillAction(action: TemplateAction, variables: Variables): TemplateAction {
  const filled = Object.entries(action).map(([name, value]) => {
    if (typeof value !== 'string' || name === 'action') return [name, value];
    return [name, name === 'content' ? fillContent(value, variables) : fillText(value, variables)];
  });
  // Only texts became other texts.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(filled) as TemplateAction;
}

/** Templates write both "{{ server }}/…" and "http://{{ server }}/…". The server's URL, scheme included,
 *  replaces either. */
const placeholder = /(?:[a-z]+:\/\/(?=\{\{\s*server\b))?\{\{\s*(\w+)\s*\}\}/g;

function fillText(text: string, variables: Variables): string {
  return text.replaceAll(placeholder, (whole, name: string) => variables.get(name)?.text ?? whole);
}

function fillContent(content: string, variables: Variables): string {
  // A script has quotes of its own, which mean other things.
  if (content.startsWith('#!')) return fillText(content, variables);
  return content.replaceAll(placeholder, (whole, name: string, at: number) => {
    const variable = variables.get(name);
    if (variable === undefined) return whole;
    return written(variable, placeOf(content, at, whole.length));
  });
}

type Place =
  | { readonly kind: 'text' | 'value' | '"' | "'" }
  | { readonly kind: 'item'; readonly indent: string };

function written({ text, yaml, items }: Variable, place: Place): string {
  switch (place.kind) {
    case '"':
      return JSON.stringify(text).slice(1, -1);
    case "'":
      return text.replaceAll("'", "''");
    case 'value':
      return yaml ?? scalar(text);
    case 'item':
      return items?.map(scalar).join(`\n${place.indent}- `) ?? yaml ?? scalar(text);
    case 'text':
      return text;
  }
}

/** Where a placeholder stands: in a quoted string, as the whole value of a key or an item of a list, or
 *  anywhere else. */
function placeOf(content: string, at: number, length: number): Place {
  const lineStart = content.lastIndexOf('\n', at - 1) + 1;
  const before = content.slice(lineStart, at);
  const quote = openQuote(before);
  if (quote !== undefined) return { kind: quote };
  const [after = ''] = content.slice(at + length).split('\n', 1);
  if (!/^\s*(?:#.*|[,\]}].*)?$/.test(after)) return { kind: 'text' };
  const item = /^(\s*)- +$/.exec(before);
  if (item !== null) return { kind: 'item', indent: item[1] ?? '' };
  if (/^\s*(?:- +)*["']?[\w.-]+["']?: +$/.test(before)) return { kind: 'value' };
  if (/[{,] *["']?[\w.-]+["']?: +$/.test(before)) return { kind: 'value' };
  const isAlone = before.trim() === '' && after.trim() === '';
  const previous = content.slice(0, lineStart).trimEnd().split('\n').at(-1) ?? '';
  return { kind: isAlone && /^\s*(?:- +)*[\w.-]+:$/.test(previous) ? 'value' : 'text' };
}

/** The quote of the string that a line leaves open. A quote opens one only where a value may begin. */
function openQuote(line: string): '"' | "'" | undefined {
  let open: '"' | "'" | undefined;
  for (let i = 0; i < line.length; i++) {
    const c = line.charAt(i);
    if (open === '"' && c === '\\') i += 1;
    else if (c === open) open = undefined;
    else if (open === undefined && (c === '"' || c === "'")) {
      if (/(?:^|[\s[{,:(=-])$/.test(line.slice(0, i))) open = c;
    }
  }
  return open;
}

/** A text as a YAML value: in quotes unless it surely reads as the same text without. */
function scalar(text: string): string {
  const isPlain = (isWords.test(text) && !isKeyword.test(text)) || isUuid.test(text);
  const isLines = text.includes('\n');
  return isPlain || isLines ? text : JSON.stringify(text);
}

const isWords = /^[A-Za-z][\w./-]*(?: [\w./@+=-]+)*$/;
const isUuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const isKeyword = /^(?:true|false|yes|no|on|off|null|y|n)$/i;
