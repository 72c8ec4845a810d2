// Reads a command line by a table of commands. `node:util` parses (loading yargs alone takes longer
// than a whole inventory); yargs, loaded when it is needed, writes help, errors and completions.
import { parseArgs } from 'node:util';
import { AppError } from '../core/errors.ts';
import type { Args, Command, OptionSpec } from './command.ts';

export interface Program {
  readonly name: string;
  readonly version: string;
  readonly commands: readonly Command[];
  /** The command that runs when the command line names none. */
  readonly defaultCommand?: string;
}

/** The command and its arguments; undefined when it takes yargs to answer: help, version, completion
 *  and command lines with an error in them. */
export function parseFast(
  program: Program,
  argv: readonly string[],
): { command: Command; args: Args } | undefined {
  const named = argv[0] !== undefined && !argv[0].startsWith('-');
  const name = named ? argv[0] : program.defaultCommand;
  const rest = named ? argv.slice(1) : argv;
  const command = program.commands.find((c) => c.name === name);
  if (
    command === undefined ||
    rest.some((a) => a === '--help' || a === '-h' || a === '--version')
  ) {
    return undefined;
  }
  try {
    const { values, positionals } = parseArgs({
      args: rest,
      options: Object.fromEntries(
        Object.entries(command.options).map(([key, spec]) => [key, parseArgsOption(spec)]),
      ),
      allowPositionals: command.positionals !== undefined,
      allowNegative: true,
      strict: true,
    });
    const args: Record<string, unknown> = {};
    for (const [key, spec] of Object.entries(command.options)) {
      args[key] = convert(spec, values[key] ?? spec.default);
    }
    Object.assign(args, namePositionals(command.positionals ?? '', positionals));
    return { command, args };
  } catch {
    return undefined;
  }
}

/** Lets yargs read the same command line: it prints help, version or completion and gives undefined,
 *  or gives the command to run. Errors: AppError `usage.invalid`. */
export async function parseWithYargs(
  program: Program,
  argv: readonly string[],
): Promise<{ command: Command; args: Args } | undefined> {
  const { default: yargs } = await import('yargs');
  let chosen: { command: Command; args: Args } | undefined;
  const parser = yargs([...argv])
    .scriptName(program.name)
    .version(program.version)
    .usage('$0 <command>')
    .strict()
    .demandCommand(program.defaultCommand === undefined ? 1 : 0, 'name a command')
    .recommendCommands()
    .completion('completion', 'print a completion script for the shell')
    .help()
    .alias('help', 'h')
    .exitProcess(false)
    .wrap(80)
    .fail((message: string | null, error: Error | undefined) => {
      throw new AppError(
        'usage.invalid',
        `${message ?? error?.message ?? 'the command line cannot be understood'} (see ${program.name} --help)`,
      );
    });
  for (const command of program.commands) {
    parser.command({
      command: commandUsage(program, command),
      describe: command.isInternal === true ? false : command.describe,
      builder: (y) => y.options(command.options),
      handler: (args) => {
        chosen = { command, args };
      },
    });
  }
  await parser.parseAsync();
  return chosen;
}

/** What yargs is told of a command's name and positional arguments; "$0" marks the default. */
function commandUsage(program: Program, command: Command): string[] {
  const usage = [command.name, command.positionals].filter(Boolean).join(' ');
  return command.name === program.defaultCommand ? [usage, '$0'] : [usage];
}

function parseArgsOption(spec: OptionSpec): {
  type: 'boolean' | 'string';
  short?: string;
  multiple?: boolean;
} {
  return {
    type: spec.type === 'boolean' ? 'boolean' : 'string',
    ...(spec.alias?.length === 1 ? { short: spec.alias } : {}),
    ...(spec.array === true ? { multiple: true } : {}),
  };
}

/** Throws where yargs has to explain what is wrong. */
function convert(spec: OptionSpec, value: unknown): unknown {
  if (value === undefined) return undefined;
  if (spec.choices !== undefined && !spec.choices.some((c) => c === value))
    throw new Error('choice');
  if (spec.type !== 'number') return value;
  const number = Number(value);
  if (!Number.isFinite(number) || value === '') throw new Error('not a number');
  return number;
}

/** Gives positional arguments the names of the usage text ("<file> [more]"). */
function namePositionals(usage: string, values: readonly string[]): Record<string, string> {
  const names = usage.split(' ').filter(Boolean);
  const required = names.filter((n) => n.startsWith('<')).length;
  if (values.length > names.length || values.length < required) throw new Error('positionals');
  return Object.fromEntries(values.map((value, i) => [(names[i] ?? '').slice(1, -1), value]));
}
