// The manual page of a program, in man(7), from the same table as its help. Pages are made when the package is
// built.
import type { Command, Program } from '../command.ts';
import {
  choicesText,
  environmentRows,
  optionRows,
  settingRows,
  usageOf,
  type Row,
} from './help.ts';
import { commonOptions } from './parse.ts';

/** `date` is that of the release, as 2026-01-31. */
export function manPage(program: Program, date: string): string {
  const { name, describe, version, defaultCommand, commands = [] } = program;
  const alone = defaultCommand !== undefined && commands.length === 0;
  const lines = [
    `.TH ${name.toUpperCase()} 1 ${date} "dragonfly-agent ${version}"`,
    '.SH NAME',
    `${escaped(name)} \\- ${escaped(describe)}`,
    '.SH SYNOPSIS',
    `.B ${escaped(name)}`,
    escaped(
      alone ? '[options]' : `${defaultCommand === undefined ? '<command>' : '[command]'} [options]`,
    ),
    ...(defaultCommand === undefined ? [] : ['.SH DESCRIPTION', ...partsOf(defaultCommand, name)]),
    ...(commands.length === 0 ? [] : ['.SH COMMANDS']),
    ...commands.flatMap((command) => [
      `.SS "${escaped(`${name} ${usageOf(command)}`).replaceAll('"', '\\(dq')}"`,
      ...partsOf(command, name),
    ]),
    '.SH COMMON OPTIONS',
    ...terms(optionRows(commonOptions)),
    '.SH ENVIRONMENT',
    ...terms(environmentRows(program)),
    '.SH EXIT STATUS',
    '0: good. 1: a negative finding. 2: a wrong command line, or a failure.',
  ];
  return `${lines.join('\n')}\n`;
}

function partsOf(command: Command, program: string): string[] {
  const { describe, positionals = {}, examples = [] } = command;
  const words = Object.entries(positionals).map(([word, spec]): Row => [
    word,
    spec.describe + choicesText(spec.choices),
  ]);
  return [
    escaped(`${describe.charAt(0).toUpperCase()}${describe.slice(1)}.`),
    ...terms([...words, ...optionRows(command.options), ...settingRows(command)]),
    ...(examples.length === 0 ? [] : ['.PP', 'Examples:', '.PP', '.nf', '.RS 4']),
    ...examples.map((line) => escaped(`${program} ${line}`)),
    ...(examples.length === 0 ? [] : ['.RE', '.fi']),
  ];
}

function terms(rows: readonly Row[]): string[] {
  return rows.flatMap(([term, text]) => ['.TP', `.B ${escaped(term.trim())}`, escaped(text)]);
}

/** A line of text: nothing in it is taken for a request or an escape. */
function escaped(text: string): string {
  const line = text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('…', '...');
  return /^[.']/.test(line) ? `\\&${line}` : line;
}
