// Completion of a template's YAML: the fields, values and variables that may follow where somebody is typing. It goes
// by lines and their indentation, because a text that is being typed is often no YAML. Pure.
import { variableNames } from '../../../model/documents/template-variables.ts';
import type { Completion } from '../../../model/search/complete.ts';
import type { Field, Fields, Vocabulary } from './vocabulary.ts';

/** A line that begins a field, or an item of a list. */
interface Line {
  /** The column of its dash; undefined without one. */
  readonly dash: number | undefined;
  /** The column of its field. */
  readonly column: number;
  readonly key: string | undefined;
  readonly value: string;
}

/** The fields around a place, and what is written of it. */
interface Place {
  /** From the outermost on. */
  readonly path: readonly string[];
  /** The other fields beside it. */
  readonly beside: ReadonlyMap<string, string>;
}

const none = (at: number): Completion => ({ from: at, to: at, suggestions: [] });

/** Suggestions for the word that is written up to `caret`. What is left of it behind the caret goes with it. */
export function completeTemplate(text: string, caret: number, vocabulary: Vocabulary): Completion {
  const start = text.lastIndexOf('\n', caret - 1) + 1;
  const before = text.slice(start, caret);
  const end = text.indexOf('\n', caret);
  const behind = text.slice(caret, end < 0 ? text.length : end);
  const to = caret + (/^[\w-]*/.exec(behind)?.[0].length ?? 0);
  const after = text.slice(to, caret + behind.length);
  const [, variable] = /\{\{-?\s*(\w*)$/.exec(before) ?? [];
  if (variable !== undefined) return completeVariable(variable, { caret, to }, after);
  const [, indent = '', dash = '', key, word] =
    /^( *)(- +)?(?:(\w+): +)?([\w-]*)$/.exec(before) ?? [];
  if (word === undefined) return none(caret);
  const column = indent.length + dash.length;
  const line = { dash: dash === '' ? undefined : indent.length, column, key, value: '' };
  const place = placeOf(
    linesOf(text.slice(0, start)),
    line,
    linesOf(text.slice(to + after.length)),
  );
  const fields = place && fieldsAt(place, vocabulary);
  if (place === undefined || fields === undefined) return none(caret);
  const from = caret - word.length;
  const found =
    key === undefined
      ? keysOf(fields, place.beside, after)
      : valuesOf(key, fields.get(key), vocabulary);
  const fitting = found.filter(([term]) => term.startsWith(word) && term.trim() !== word);
  return { from, to, suggestions: fitting.map(([term, says]) => ({ term, says })) };
}

function completeVariable(
  word: string,
  { caret, to }: { caret: number; to: number },
  after: string,
): Completion {
  const close = /^\s*-?\}\}/.test(after) ? '' : ' }}';
  const suggestions = variableNames
    .filter((name) => name.startsWith(word))
    .map((name) => ({ term: `${name}${close}`, says: '' }))
    .filter(({ term }) => term !== word);
  return { from: caret - word.length, to, suggestions };
}

type Term = readonly [term: string, says: string];

function keysOf(fields: Fields, beside: Place['beside'], after: string): Term[] {
  const hasColon = after.startsWith(':');
  return [...fields]
    .filter(([name]) => !beside.has(name))
    .map(([name, { says, isNested }]) => [
      hasColon ? name : `${name}:${isNested ? '' : ' '}`,
      says,
    ]);
}

function valuesOf(key: string, field: Field | undefined, { actions }: Vocabulary): Term[] {
  if (key === 'action')
    return [...actions.keys()].map((name) => [name, neededOf(actions.get(name))]);
  return (field?.values ?? []).map((value) => [value, field?.says ?? '']);
}

/** The fields that an action needs, in words. */
function neededOf(fields: Fields | undefined): string {
  const needed = [...(fields ?? [])].filter(
    ([name, { says }]) => name !== 'action' && says.startsWith('needed'),
  );
  return needed.length === 0 ? '' : `needs ${needed.map(([name]) => name).join(', ')}`;
}

function fieldsAt(
  { path, beside }: Place,
  { template, metadata, spec, actions }: Vocabulary,
): Fields | undefined {
  switch (path.join('.')) {
    case '':
      return template;
    case 'metadata':
      return metadata;
    case 'spec':
      return spec;
    case 'spec.actions': {
      const only: Field = { says: 'needed', values: [], isNested: false };
      return actions.get(beside.get('action') ?? '') ?? new Map([['action', only]]);
    }
    default:
      return undefined;
  }
}

function linesOf(text: string): Line[] {
  return text.split('\n').flatMap((line) => {
    const [, indent = '', dash = '', rest = ''] = /^( *)(- +)?(.*)$/.exec(line) ?? [];
    if (rest.trim() === '' || rest.startsWith('#')) return [];
    const [, key, value = ''] = /^([\w-]+):(?: +(.*))?$/.exec(rest) ?? [];
    const column = indent.length + dash.length;
    return [{ dash: dash === '' ? undefined : indent.length, column, key, value: value.trim() }];
  });
}

/** Undefined inside a text of several lines, where nothing is a field. */
function placeOf(above: readonly Line[], line: Line, below: readonly Line[]): Place | undefined {
  const beside = new Map<string, string>();
  const path: string[] = [];
  let isBeside = line.dash === undefined;
  /** Fields left of it are around the place. */
  let limit = line.dash === undefined ? line.column : line.dash + 1;
  for (const { dash, column, key, value } of above.toReversed()) {
    if (isBeside && column === line.column && key !== undefined) beside.set(key, value);
    if (dash === undefined && column < limit) {
      if (/^[|>][-+\d]*$/.test(value)) return undefined;
      if (key !== undefined) path.unshift(key);
      limit = column;
    } else if (dash !== undefined && dash < limit) {
      if (/^[|>][-+\d]*$/.test(value) && column < limit) return undefined;
      limit = dash + 1;
    }
    if ((dash ?? column) < line.column) isBeside = false;
  }
  for (const { dash, column, key, value } of below) {
    if ((dash ?? column) < line.column) break;
    if (column === line.column && key !== undefined) beside.set(key, value);
  }
  return { path, beside };
}
