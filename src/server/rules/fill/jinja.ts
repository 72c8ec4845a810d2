// Files that cloud-init fills in once more, by Jinja, before it reads them: their tags are no YAML, and braces in a
// value would be read as one. Pure.
import type { Variable, Variables } from './variables.ts';

/** Source: cloud-init, "Instance metadata", and its templater. */
const header = /^\ufeff?##\s*template:\s*jinja\s*?(?:\r?\n|$)/i;

export function isJinja(content: string): boolean {
  return header.test(content);
}

/** Fills in the file with `fill`, which finds words in the places of tags, and a comment for a line of tags. */
export function fillJinja(
  content: string,
  variables: Variables,
  fill: (content: string, variables: Variables) => string,
): string {
  const [mark, brace] = unused(content, variables);
  if (mark === undefined || brace === undefined) return content;
  const [head = ''] = header.exec(content) ?? [];
  const tags: string[] = [];
  const word = (text: string): string => `${mark}${tags.push(text) - 1}${mark}`;
  const restored = (text: string): string =>
    text.replaceAll(
      new RegExp(`(?:(?<! ) *#${mark})?${mark}(\\d+)${mark}`, 'g'),
      (whole, i: string) => {
        return tags[Number(i)] ?? whole;
      },
    );
  const lines = withTags(content.slice(head.length), (whole) =>
    isVariable(whole, variables) ? whole : word(whole),
  ).split('\n');
  const isTags = new RegExp(`^[ \\t]*(?:${mark}\\d+${mark}[ \\t]*)+\\r?$`);
  // From the end: a comment is indented as the next line that says something.
  let indent = '';
  const masked = lines.toReversed().map((line) => {
    if (!isTags.test(line)) {
      if (line.trim() !== '') [indent = ''] = /^ */.exec(line) ?? [];
      return line;
    }
    const whole = restored(line);
    return whole.includes('{{') ? line : `${indent}#${mark}${word(whole)}`;
  });
  const filled = fill(masked.toReversed().join('\n'), withMarks(variables, brace));
  return head + restored(filled).replaceAll(brace, "{{ '{' }}");
}

/** The text with something else in place of each tag. Looks for each kind of end once only where there is none. */
function withTags(text: string, replaced: (tag: string) => string): string {
  const unclosed = new Set<string>();
  const open = /\{([%#{])/g;
  let done = '';
  let from = 0;
  for (let found = open.exec(text); found !== null; found = open.exec(text)) {
    const [, kind = ''] = found;
    const end = unclosed.has(kind) ? -1 : text.indexOf(ends.get(kind) ?? '', found.index + 2);
    if (end === -1) {
      unclosed.add(kind);
      open.lastIndex = found.index + 1;
      continue;
    }
    done += text.slice(from, found.index) + replaced(text.slice(found.index, end + 2));
    from = end + 2;
    open.lastIndex = from;
  }
  return done + text.slice(from);
}

const ends: ReadonlyMap<string, string> = new Map([
  ['%', '%}'],
  ['#', '#}'],
  ['{', '}}'],
]);

function isVariable(whole: string, variables: Variables): boolean {
  const [, name = ''] = /^\{\{\s*(\w+)\s*\}\}$/.exec(whole) ?? [];
  return variables.has(name);
}

/** The variables with a mark for each brace. */
function withMarks(variables: Variables, brace: string): Variables {
  const marked = (text: string): string => text.replaceAll('{', brace);
  return new Map(
    [...variables].map(([name, { text, yaml, items }]): [string, Variable] => [
      name,
      {
        text: marked(text),
        ...(yaml === undefined ? {} : { yaml: marked(yaml) }),
        ...(items === undefined ? {} : { items: items.map(marked) }),
      },
    ]),
  );
}

/** Characters at the end of Unicode's private use that neither the file nor a value has. */
function unused(content: string, variables: Variables): string[] {
  const texts = [...variables.values()].flatMap(({ text, items = [] }) => [text, ...items]);
  const used = new Set(content + texts.join(''));
  return privateUse.filter((character) => !used.has(character));
}

const privateUse = Array.from({ length: 64 }, (_, i) => String.fromCharCode(0xf8c0 + i));
