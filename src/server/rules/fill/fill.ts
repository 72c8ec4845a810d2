// Fills in the variables of a template, in every text field of its actions. In a file's content a value is
// written as its place in YAML or JSON needs it. Pure.
import type { Template, TemplateAction } from '../../../model/documents/template.ts';
import { isAppError } from '../../../core/errors.ts';
import { yamlTokens } from '../bounded-yaml.ts';
import { fillJinja, isJinja } from './jinja.ts';
import { maxYamlDepth, Room, tooDeepYaml, tooMuchYaml } from './limits.ts';
import { fillYaml, type Placeholders } from './yaml.ts';
import { variableNames } from '../../../model/documents/template-variables.ts';
import type { Variables } from './variables.ts';

/** Replaces `{{ name }}`. Unknown names stay as they are: cloud-init and others have braces of their own.
 *  Errors: AppError `template.invalid` for one beyond the limits. */
export function fillTemplate(template: Template, variables: Variables): Template {
  const room = new Room();
  const actions = template.spec.actions.map((action) => fillAction(action, variables, room));
  return { ...template, spec: { ...template.spec, actions } };
}

/** The reason why a template is beyond the limits, whatever the values of its variables; undefined for one that is
 *  not. */
export function fillFault(template: Template): string | undefined {
  try {
    fillTemplate(template, new Map(variableNames.map((name) => [name, { text: '' }])));
    return undefined;
  } catch (err) {
    if (isAppError(err, 'template.invalid')) return err.message;
    throw err;
  }
}

function fillAction(action: TemplateAction, variables: Variables, room: Room): TemplateAction {
  const filled = Object.entries(action).map(([name, value]) => {
    if (typeof value !== 'string' || name === 'action') return [name, value];
    if (!takeValues(value, variables, room)) return [name, value];
    const isContent = action.action === 'writefile' && name === 'content';
    const { path } = { path: '', ...action };
    return [
      name,
      isContent ? fillContent(path, value, variables, room) : fillText(value, variables),
    ];
  });
  // Only texts became other texts.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(filled) as TemplateAction;
}

/** Templates write both "{{ server }}/…" and "http://{{ server }}/…". The server's URL, scheme included,
 *  replaces either. */
const placeholder = /(?:(?<![a-z])[a-z]+:\/\/(?=\{\{\s*server\b))?\{\{\s*(\w+)\s*\}\}/g;

function fillText(text: string, variables: Variables): string {
  return text.replaceAll(placeholder, (whole, name: string) => variables.get(name)?.text ?? whole);
}

/** True if the text has variables in it, for whose values there is room. */
function takeValues(text: string, variables: Variables, room: Room): boolean {
  let isAny = false;
  for (const [, name = ''] of text.matchAll(placeholder)) {
    const variable = variables.get(name);
    if (variable === undefined) continue;
    isAny = true;
    room.takeValue(Math.max(variable.text.length, variable.yaml?.length ?? 0));
  }
  return isAny;
}

function fillContent(path: string, content: string, variables: Variables, room: Room): string {
  return isJinja(content)
    ? fillJinja(content, variables, (body, safe) => fillPlain(path, body, safe, room))
    : fillPlain(path, content, variables, room);
}

/** Jinja reads a file once: the rest of it is no file for Jinja, whatever it begins with. */
function fillPlain(path: string, content: string, variables: Variables, room: Room): string {
  // A script has quotes of its own, which mean other things.
  if (content.startsWith('#!')) return fillText(content, variables);
  const places = placeholdersOf(content, variables);
  const isYaml = isCloudConfig.test(content) || /\.(?:ya?ml|json)$/.test(path);
  if (places === undefined) return fillLines(content, variables);
  const hasRoom = room.takeYaml(content.length, isYaml ? 'meant' : 'other');
  const tokens = hasRoom ? yamlTokens(places.source, maxYamlDepth) : undefined;
  if (tokens === undefined && isYaml) throw hasRoom ? tooDeepYaml(path) : tooMuchYaml(path);
  return (tokens && fillYaml(places, tokens, isYaml)) ?? fillLines(content, variables);
}

const isCloudConfig = /^\ufeff?#cloud-config\b/;

/** Puts a word for each placeholder, between characters of Unicode's private use that the content has none of.
 *  undefined: it has all of them. */
function placeholdersOf(content: string, variables: Variables): Placeholders | undefined {
  const used = new Set(content);
  const mark = privateUse.find((character) => !used.has(character));
  if (mark === undefined) return undefined;
  const meanings: ReturnType<Placeholders['meaning']>[] = [];
  const source = content.replaceAll(placeholder, (whole, name: string) => {
    meanings.push(variables.get(name) ?? whole);
    return `${mark}${meanings.length - 1}${mark}`;
  });
  return {
    source,
    word: new RegExp(`${mark}\\d+${mark}`, 'g'),
    meaning: (word) => meanings[Number(word.slice(1, -1))] ?? word,
  };
}

const privateUse = Array.from({ length: 0xf900 - 0xe000 }, (_, i) =>
  String.fromCharCode(0xe000 + i),
);

/** Fills in what is no YAML, line by line. */
function fillLines(content: string, variables: Variables): string {
  const quotes = new OpenQuotes(content);
  return content.replaceAll(placeholder, (whole, name: string, at: number) => {
    const text = variables.get(name)?.text;
    if (text === undefined) return whole;
    const quote = quotes.at(at);
    if (quote === '"') return JSON.stringify(text).slice(1, -1);
    return quote === "'" ? text.replaceAll("'", "''") : text;
  });
}

/** Reads a text once, from place to place. */
class OpenQuotes {
  readonly #text: string;
  #at = 0;
  #open: '"' | "'" | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** The quote of the string that the line leaves open before `end`, which is never less than it was before. A quote
   *  opens a string only where a value may begin. */
  at(end: number): '"' | "'" | undefined {
    for (; this.#at < end; this.#at += 1) {
      const c = this.#text.charAt(this.#at);
      if (c === '\n') this.#open = undefined;
      else if (this.#open === '"' && c === '\\') this.#skipEscaped();
      else if (c === this.#open) this.#open = undefined;
      else if (this.#open === undefined && (c === '"' || c === "'") && this.#mayOpen()) {
        this.#open = c;
      }
    }
    return this.#open;
  }

  #skipEscaped(): void {
    if (this.#text.charAt(this.#at + 1) !== '\n') this.#at += 1;
  }

  #mayOpen(): boolean {
    return this.#at === 0 || /[\s[{,:(=-]/.test(this.#text.charAt(this.#at - 1));
  }
}
