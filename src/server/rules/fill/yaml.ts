// Fills variables into YAML, JSON included, so that every value is read as exactly what it is, wherever its
// placeholder stands. What needs no change keeps its bytes. Pure.
import { CST } from 'yaml';
import { hasYamlErrors } from '../bounded-yaml.ts';
import {
  escapes,
  isSurelyPlain,
  nonPrintable,
  quoted,
  readScalar,
  scalar,
  startOf,
  type Scalar,
} from './scalar.ts';
import type { Variable } from './variables.ts';

/** A placeholder in the source stands as a word that YAML reads as plain text anywhere. */
export interface Placeholders {
  /** The source with such words in the places of placeholders. */
  readonly source: string;
  /** Matches the words. */
  readonly word: RegExp;
  /** The variable behind a word, or the text to put back where it is none. */
  readonly meaning: (word: string) => Variable | string;
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

type Collection = CST.BlockMap | CST.BlockSequence | CST.FlowCollection;

/** Fills YAML in, of which `tokens` are the tokens. `isYaml`: it is meant as YAML even if it cannot be read to the end.
 *  Returns undefined for anything else: what has errors, or is no map and no list. */
export function fillYaml(
  places: Placeholders,
  tokens: readonly CST.Token[],
  isYaml: boolean,
): string | undefined {
  const values = tokens.flatMap((token) => (token.type === 'document' ? (token.value ?? []) : []));
  const isCollection = values.some(({ type }) =>
    /^(?:block-(?:map|seq)|flow-collection)$/.test(type),
  );
  if (!isCollection) return undefined;
  if (!isYaml && hasYamlErrors(tokens)) return undefined;
  const filler = new Filler(places);
  for (const value of values) filler.node(value);
  return filler.result();
}

class Filler {
  readonly #places: Placeholders;
  readonly #edits: Edit[] = [];
  readonly #keptOf = new Map<Collection, { readonly first: number; readonly last: number }>();

  constructor(places: Placeholders) {
    this.#places = places;
  }

  node(token: CST.Token): void {
    if (CST.isCollection(token)) this.#collection(token);
    else if (CST.isScalar(token)) this.#scalar(token);
  }

  /** The source with all edits; words outside of values, as in comments, become one line of text. */
  result(): string {
    const { source } = this.#places;
    const pieces: string[] = [];
    let at = 0;
    for (const { from, to, text } of this.#edits.toSorted((a, b) => a.from - b.from)) {
      if (from < at) continue;
      pieces.push(this.#oneLine(source.slice(at, from)), text);
      at = to;
    }
    return pieces.join('') + this.#oneLine(source.slice(at));
  }

  #collection(token: Collection): void {
    const isList = token.type === 'block-seq' || startsWith(token, '[');
    for (const [i, { key, sep, value }] of token.items.entries()) {
      if (key) this.#key(key);
      const variable = value && !sep?.length ? this.#whole(value) : undefined;
      if (isList && variable?.items !== undefined && value) {
        this.#items(token, i, value, variable.items);
      } else if (value) this.node(value);
    }
  }

  #key(key: CST.Token): void {
    const variable = this.#whole(key);
    if (variable === undefined || !CST.isScalar(key)) this.node(key);
    else this.#edit(key.offset, key.source.length, scalar(variable.text));
  }

  /** The variable whose placeholder is all of a plain scalar. */
  #whole(token: CST.Token): Variable | undefined {
    if (token.type !== 'scalar') return undefined;
    const [word] = token.source.match(this.#places.word) ?? [];
    if (word !== token.source) return undefined;
    const meaning = this.#places.meaning(word);
    return typeof meaning === 'string' ? undefined : meaning;
  }

  #scalar(token: Scalar): void {
    const whole = this.#whole(token);
    if (whole !== undefined) {
      this.#edit(token.offset, token.source.length, whole.yaml ?? scalar(whole.text));
    } else if (this.#hasVariable(token.source)) {
      if (token.type === 'block-scalar') this.#block(token);
      else this.#flowScalar(token);
    }
  }

  #flowScalar(token: CST.FlowScalar): void {
    const wanted = this.#wanted(token);
    const source = this.#text(token.source, escapes[token.type]);
    const isKept =
      token.type === 'scalar'
        ? source === wanted && isSurelyPlain(source)
        : !nonPrintable.test(source) && readScalar({ ...token, source }) === wanted;
    this.#edit(token.offset, token.source.length, isKept ? source : quoted(wanted ?? source));
  }

  /** A literal or folded text: in place, each line indented as the others are; in quotes where that would not be
   *  read back. */
  #block(token: CST.BlockScalar): void {
    const wanted = this.#wanted(token);
    const indent = /^(?: *\n)*( *)/.exec(token.source)?.[1] ?? '';
    const source = this.#text(token.source, (text) => text.replaceAll('\n', `\n${indent}`));
    const isRead = readScalar({ ...token, source }) === wanted;
    const start = startOf(token);
    if (isRead && !nonPrintable.test(source) && !source.includes('\r')) {
      this.#edit(start, token.source.length, source);
      return;
    }
    const header = token.props.find(({ type }) => type === 'block-scalar-header');
    const from = header?.offset ?? start;
    this.#edit(from, start + token.source.length - from, `${quoted(wanted ?? source)}\n`);
  }

  /** The text that a scalar is to be read as; undefined where it cannot be read even now. */
  #wanted(token: Scalar): string | undefined {
    const text = readScalar(token);
    return text === undefined ? undefined : this.#text(text);
  }

  /** The items of a variable in the place of one item of a list. */
  #items(list: Collection, i: number, value: CST.Token, items: readonly string[]): void {
    const length = 'source' in value ? value.source.length : 0;
    if (items.length === 0) {
      this.#withoutItem(list, i);
      return;
    }
    const between = list.type === 'block-seq' ? `\n${this.#indentOf(list, i)}- ` : ', ';
    this.#edit(value.offset, length, items.map(scalar).join(between));
  }

  /** The blanks that put a line's dash below that of the item `i`. */
  #indentOf(list: Collection, i: number): string {
    const before = this.#places.source.slice(0, markOf(list, i)?.offset);
    return before.slice(before.lastIndexOf('\n') + 1).replaceAll(/\S/g, ' ');
  }

  /** Takes the item `i` out. */
  #withoutItem(list: Collection, i: number): void {
    const { first, last } = this.#kept(list);
    const next = markOf(list, i + 1);
    const start = startOfValue(list, i);
    const end = endOfItem(list, i);
    const from = markOf(list, i)?.offset ?? start;
    if (list.type !== 'block-seq') {
      // The comma behind the first items goes with them.
      if (i < first && next !== undefined) this.#edit(start, next.offset + 1 - start, '');
      else this.#edit(i < first ? start : from, end - (i < first ? start : from), '');
    } else if (first > last) {
      // An empty list has no block form. At its key's own indentation it needs one more space.
      this.#edit(from, end - from, i === 0 ? ' []' : '');
    } else if (i < last && next !== undefined) {
      this.#edit(from, next.offset - from, '');
    } else if (i === last + 1) {
      // Behind others, it and those after it have their lines for themselves.
      const { source } = this.#places;
      const line = source.lastIndexOf('\n', from) + 1;
      const to = source.indexOf('\n', endOfItem(list, list.items.length - 1)) + 1 || source.length;
      this.#edit(line, to - line, '');
    }
  }

  /** The first and the last item of a list that stay; the first is behind the last where none does. Looks at a list
   *  once. */
  #kept(list: Collection): { readonly first: number; readonly last: number } {
    const known = this.#keptOf.get(list);
    if (known !== undefined) return known;
    const stays = ({ value }: Collection['items'][number]): boolean =>
      !value || this.#whole(value)?.items?.length !== 0;
    const first = list.items.findIndex(stays);
    const kept = { first: first === -1 ? Infinity : first, last: list.items.findLastIndex(stays) };
    this.#keptOf.set(list, kept);
    return kept;
  }

  #hasVariable(source: string): boolean {
    const words = source.match(this.#places.word) ?? [];
    return words.some((word) => typeof this.#places.meaning(word) !== 'string');
  }

  #text(source: string, escape = (text: string): string => text): string {
    return source.replaceAll(this.#places.word, (word) => {
      const meaning = this.#places.meaning(word);
      return typeof meaning === 'string' ? meaning : escape(meaning.text);
    });
  }

  #oneLine(source: string): string {
    return this.#text(source, (text) =>
      text.replaceAll(/[\r\n]+/g, ' ').replaceAll(new RegExp(nonPrintable, 'gu'), ' '),
    );
  }

  #edit(from: number, length: number, text: string): void {
    this.#edits.push({ from, to: from + length, text });
  }
}

/** The dash or comma before an item. */
function markOf(list: Collection, i: number): CST.SourceToken | undefined {
  const mark = list.type === 'block-seq' ? 'seq-item-ind' : 'comma';
  return list.items[i]?.start.find(({ type }) => type === mark);
}

function startOfValue({ items }: Collection, i: number): number {
  return items[i]?.value?.offset ?? 0;
}

function endOfItem(list: Collection, i: number): number {
  const value = list.items[i]?.value;
  return startOfValue(list, i) + (value && 'source' in value ? value.source.length : 0);
}

function startsWith(token: Collection, bracket: string): boolean {
  return token.type === 'flow-collection' && token.start.source === bracket;
}
