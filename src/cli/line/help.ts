// Formats the help of a program and of each command for the 80 columns of a serial console.
import { environmentName } from '../../core/settings/setting-layers.ts';
import type { Command, OptionSpec, Program } from '../command.ts';
import { commonOptions } from './parse.ts';
import { settingOptions } from '../setting-options.ts';
import { consoleColumns, wrap } from '../text/table.ts';

const longestTerm = 30;

export type Row = readonly [term: string, text: string];

/** The help of the whole program, of a group of its commands, or of one. */
export function helpText(program: Program, command: Command | undefined, group?: string): string {
  const lines =
    command === undefined
      ? ofProgram(inGroup(program, group))
      : ofCommand(command, program, `${program.name} ${usageOf(command)}`);
  return `${lines.join('\n')}\n`;
}

function inGroup(program: Program, group: string | undefined): Program {
  if (group === undefined) return program;
  const commands = program.commands?.filter(({ name }) => name.startsWith(`${group} `)) ?? [];
  const { name, describe, version, environment = {} } = program;
  return { name, describe, version, environment, commands };
}

function ofProgram(program: Program): string[] {
  const { name, describe, commands, defaultCommand } = program;
  if (commands === undefined)
    return defaultCommand === undefined ? [] : ofCommand(defaultCommand, program, name);
  return [
    `Usage: ${name} ${defaultCommand === undefined ? '<command>' : '[command]'} [options]`,
    '',
    ...sentence(describe),
    ...section(
      'Commands',
      commands.map((c): Row => [
        usageOf(c),
        c === defaultCommand ? `${c.describe} (without a command)` : c.describe,
      ]),
    ),
    ...(defaultCommand === undefined ? [] : optionSections(defaultCommand)),
    ...section('Common options', optionRows(commonOptions)),
    ...section('Environment', environmentRows(program)),
    '',
    `"${name} <command> --help" describes a command.`,
  ];
}

function ofCommand(command: Command, program: Program, usage: string): string[] {
  const { describe, examples = [], positionals = {} } = command;
  return [
    `Usage: ${usage} [options]`,
    '',
    ...sentence(describe),
    ...section(
      'Arguments',
      Object.entries(positionals).map(([name, spec]): Row => [
        name,
        spec.describe + choicesText(spec.choices),
      ]),
    ),
    ...optionSections(command),
    ...section('Common options', optionRows(commonOptions)),
    ...section('Environment', environmentRows(program)),
    ...(examples.length === 0 ? [] : ['', 'Examples:']),
    ...examples.map((line) => `  ${program.name} ${line}`),
  ];
}

/** Those of every program, which main.ts reads. */
const commonEnvironment = {
  DRAGONFLY_DEBUG: 'if set, errors are printed with their stack',
};

export function environmentRows({ environment = {} }: Program): Row[] {
  return Object.entries({ ...environment, ...commonEnvironment });
}

function sentence(describe: string): string[] {
  return wrap(`${describe.charAt(0).toUpperCase()}${describe.slice(1)}.`, consoleColumns);
}

function optionSections(command: Command): string[] {
  return [
    ...section('Options', optionRows(command.options)),
    ...section('Settings, with their environment variables', settingRows(command)),
  ];
}

/** A setting that has no flag is listed by its variable. */
export function settingRows({ settings = {} }: Command): Row[] {
  return Object.entries(settings).map(([setting, spec]): Row => {
    const variable = environmentName(setting);
    const [option] = Object.entries(settingOptions({ [setting]: spec }));
    if (option === undefined) return [`    ${variable}`, spec.describe];
    return [term(...option), `${option[1].describe} [${variable}]`];
  });
}

export function optionRows(options: Readonly<Record<string, OptionSpec>>): Row[] {
  return Object.entries(options).map(([name, spec]) => {
    const { describe, type, default: value } = spec;
    const usual =
      value === undefined || value === '' || type === 'boolean' ? '' : ` (default: ${value})`;
    return [term(name, spec), describe + usual];
  });
}

/** "-o, --output FILE". */
function term(name: string, { short, type, value, choices, bare }: OptionSpec): string {
  const dashes = short === undefined ? `    --${name}` : `-${short}, --${name}`;
  if (type === 'boolean') return dashes;
  if (bare !== undefined) return `${dashes} [${value ?? 'TEXT'}]`;
  return `${dashes} ${choices?.join('|') ?? value ?? (type === 'number' ? 'NUMBER' : 'TEXT')}`;
}

export function choicesText(choices: readonly string[] | undefined): string {
  return choices === undefined ? '' : `: ${choices.join(', ')}`;
}

/** The usage line of a command: "token <action> [name]". */
export function usageOf({ name, positionals = {} }: Command): string {
  const words = Object.entries(positionals).map(([word, { isOptional, isMany }]) => {
    const shown = isMany === true ? `${word}…` : word;
    return isOptional === true ? `[${shown}]` : `<${shown}>`;
  });
  return [name, ...words].join(' ');
}

/** Lays out terms with their texts beside them, or below a long term. Empty without rows. */
function section(title: string, rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const width = Math.min(Math.max(...rows.map(([word]) => word.length)), longestTerm);
  const indent = ' '.repeat(width + 4);
  const lines = rows.flatMap(([word, text]) => {
    const [first = '', ...others] = wrap(text, consoleColumns - indent.length);
    const below = others.map((line) => indent + line);
    return word.length > width
      ? [`  ${word}`, indent + first, ...below]
      : [`  ${word.padEnd(width)}  ${first}`, ...below];
  });
  return ['', `${title}:`, ...lines];
}
