// The facts of a machine that searches compare: its texts in lower case, a line each, and its times. Pure.
import {
  textFieldNames,
  textFieldOf,
  timeFieldNames,
  timeOf,
  type Searched,
  type TextFieldName,
  type TimeFieldName,
} from './fields.ts';

/** All that searches need of a machine. Each text has a line of its own in its field: "\none\nanother\n", so that a
 *  whole text is found between its line ends. */
export interface Facts {
  readonly texts: Readonly<Partial<Record<TextFieldName, string>>>;
  /** The texts that words without a field look in. */
  readonly plain: string;
  readonly timesMs: Readonly<Partial<Record<TimeFieldName, number>>>;
}

export function factsOf(machine: Searched): Facts {
  const texts: Partial<Record<TextFieldName, string>> = {};
  let plain = '\n';
  for (const name of textFieldNames) {
    const lines = linesOf(name, machine);
    if (lines.length === 0) continue;
    const own = `${lines.join('\n')}\n`;
    texts[name] = `\n${own}`;
    if (textFieldOf(name).isPlain === true) plain += own;
  }
  const timesMs: Partial<Record<TimeFieldName, number>> = {};
  for (const name of timeFieldNames) {
    const ms = timeOf(name, machine);
    if (!Number.isNaN(ms)) timesMs[name] = ms;
  }
  return { texts, plain, timesMs };
}

/** The facts with another liveness: after a heartbeat, or when one is overdue. */
export function withLiveness(facts: Facts, liveness: string, seenMs: number | undefined): Facts {
  return {
    ...facts,
    texts: { ...facts.texts, live: `\n${liveness}\n` },
    timesMs: seenMs === undefined ? facts.timesMs : { ...facts.timesMs, seen: seenMs },
  };
}

const few = 64;
const control = /\p{Cc}/u;
const controls = /\p{Cc}/gu;

/** The texts of a field as searches compare them: in lower case, on one line, each once. */
export function linesOf(name: TextFieldName, machine: Searched): readonly string[] {
  const lines: string[] = [];
  for (const text of textFieldOf(name).of(machine)) {
    // A record of another program may have a number there.
    if (typeof text !== 'string' || text === '') continue;
    const line = control.test(text) ? text.replaceAll(controls, ' ') : text;
    lines.push(line.toLowerCase());
  }
  if (name === 'mac') lines.push(...lines.map((mac) => mac.replaceAll(':', '') || mac));
  return eachOnce(lines);
}

/** V8 keeps the texts that were in a Set until it collects its whole heap, so that only many come into one. */
function eachOnce(lines: readonly string[]): readonly string[] {
  if (lines.length > few) return [...new Set(lines)];
  return lines.filter((line, i) => lines.indexOf(line) === i);
}
