// Parses a command line against a program's table of commands. `node:util` splits it into tokens. Help and
// completion live elsewhere: main.ts loads them on demand.
import { parseArgs } from 'node:util';
import { closest } from '../../core/text/closest.ts';
import { AppError } from '../../core/errors.ts';
import type { Arg, Args, Command, OptionSpec, Program } from '../command.ts';
import { settingOptions } from '../setting-options.ts';

export type Parsed =
  | { readonly kind: 'run'; readonly command: Command; readonly args: Args }
  /** Undefined asks for the help of the whole program, or of a group of its commands. */
  | { readonly kind: 'help'; readonly command: Command | undefined; readonly group?: string }
  | { readonly kind: 'version' }
  /** A shell asks for completions of the last word. */
  | { readonly kind: 'complete'; readonly words: readonly string[] };

type Options = Readonly<Record<string, OptionSpec>>;

export const completeFlag = '--complete';

/** Options that every command takes. */
export const commonOptions = {
  help: { type: 'boolean', short: 'h', describe: 'print this help' },
  version: { type: 'boolean', describe: 'print the version' },
} as const satisfies Options;

/** Merges a command's own options with the flags of its settings. */
export function optionsOf(command: Pick<Command, 'options' | 'settings'>): Options {
  return { ...command.options, ...settingOptions(command.settings ?? {}) };
}

/** Errors: AppError `usage.invalid`, saying what is wrong and which help to read. */
export function parse(program: Program, argv: readonly string[]): Parsed {
  if (argv[0] === completeFlag) return { kind: 'complete', words: argv.slice(1) };
  if (argv[0] === 'help' && program.commands !== undefined)
    return parse(program, [...argv.slice(1), '--help']);
  const { name, rest } = splitCommand(program, argv);
  try {
    const group = groupOf(program, name);
    if (group !== undefined && rest.some((word) => word === '--help' || word === '-h'))
      return { kind: 'help', command: undefined, group };
    const command = name === undefined ? program.defaultCommand : findCommand(program, name, argv);
    const tokens = tokenize(rest, command === undefined ? {} : optionsOf(command));
    const asked = new Set(tokens.map((token) => (token.kind === 'option' ? token.name : '')));
    if (asked.has('help'))
      return { kind: 'help', command: name === undefined ? undefined : command };
    if (asked.has('version')) return { kind: 'version' };
    if (command === undefined) {
      refuseWrongOptions(program, argv);
      const groups = new Set(shownNames(program).map((one) => one.replace(/ .*/, '')));
      throw new Fault(`name a command: ${[...groups].join(', ')}`);
    }
    return { kind: 'run', command, args: readTokens(command, tokens) };
  } catch (err) {
    if (!(err instanceof Fault)) throw err;
    const isKnown = program.commands?.some((c) => c.name === name) ?? false;
    const place = isKnown ? `${program.name} ${name}` : program.name;
    throw new AppError('usage.invalid', `${err.message} (see ${err.help ?? place} --help)`);
  }
}

/** A usage error, as a sentence. */
class Fault extends Error {
  /** The program whose help to read instead. */
  readonly help: string | undefined;

  constructor(message: string, help?: string) {
    super(message);
    this.help = help;
  }
}

/** Separates the command's name, which may follow options, from the rest. */
function splitCommand(
  program: Program,
  argv: readonly string[],
): { name: string | undefined; rest: readonly string[] } {
  const { commands } = program;
  const [first] = argv;
  if (commands === undefined || first === undefined) return { name: undefined, rest: argv };
  const hasGroups = commands.some(({ name }) => name.includes(' '));
  if (!first.startsWith('-') && !hasGroups) return { name: first, rest: argv.slice(1) };
  const tokens = tokenize(argv, allOptions(program));
  const [word, verb] = tokens.filter((token) => token.kind === 'positional');
  if (word === undefined) return { name: undefined, rest: argv };
  const rest = argv.toSpliced(word.index, 1);
  const isGroup = commands.some(({ name }) => name.startsWith(`${word.value} `));
  if (!isGroup || verb === undefined) return { name: word.value, rest };
  return { name: `${word.value} ${verb.value}`, rest: rest.toSpliced(verb.index - 1, 1) };
}

/** The options of all commands. */
function allOptions({ commands = [], defaultCommand }: Program): Options {
  const all = defaultCommand === undefined ? commands : [...commands, defaultCommand];
  return Object.assign({}, ...all.map(optionsOf));
}

/** Throws a Fault for a wrong option in front of the first word, which may be its value and no command's name. */
function refuseWrongOptions(program: Program, argv: readonly string[]): void {
  const options = { ...allOptions(program), ...commonOptions };
  for (const token of tokenize(argv, options)) {
    if (token.kind === 'positional') return;
    if (token.kind === 'option') readOption(options, token);
  }
}

/** The name if it is that of a group of commands and of none of them. */
function groupOf({ commands = [] }: Program, name: string | undefined): string | undefined {
  if (name === undefined || commands.some((command) => command.name === name)) return undefined;
  return commands.some((command) => command.name.startsWith(`${name} `)) ? name : undefined;
}

function findCommand(program: Program, name: string, argv: readonly string[]): Command {
  const found = program.commands?.find((command) => command.name === name);
  if (found !== undefined) return found;
  const verbs = shownNames(program).filter((one) => one.startsWith(`${name} `));
  if (verbs.length > 0) throw new Fault(`say what to do: ${verbs.join(', ')}`);
  const other = own(program.moved ?? {}, name);
  if (other !== undefined) throw new Fault(`${name} is now a program of its own: ${other}`, other);
  refuseWrongOptions(program, argv);
  const words = argv.filter((word) => !word.startsWith('-')).slice(0, 2);
  const near = [words, words.toReversed(), [name]]
    .map((some) => meant(some.join(' '), shownNames(program)))
    .find((text) => text !== '');
  throw new Fault(`unknown command "${name}"${near ?? ''}`);
}

function shownNames({ commands = [] }: Program): string[] {
  return commands.map(({ name }) => name);
}

type Token = ReturnType<typeof tokenize>[number];

function tokenize(args: readonly string[], options: Options) {
  const known = Object.entries<OptionSpec>({ ...options, ...commonOptions });
  const { tokens } = parseArgs({
    args: args.map((arg, i) => withBareValue(arg, args[i + 1], options)),
    options: Object.fromEntries(
      known.map(([name, { type, short }]) => [
        name,
        {
          type: type === 'boolean' ? ('boolean' as const) : ('string' as const),
          ...(short === undefined ? {} : { short }),
        },
      ]),
    ),
    allowPositionals: true,
    // Strict mode's errors suggest nothing and name no command; readTokens() does the checking.
    strict: false,
    tokens: true,
  });
  return tokens;
}

/** Writes out the value of an option that stands alone, which the next word would be taken for. */
function withBareValue(arg: string, next: string | undefined, options: Options): string {
  const bare = arg.startsWith('--') ? own(options, arg.slice(2))?.bare : undefined;
  return bare === undefined || next?.startsWith('-') === false ? arg : `${arg}=${bare}`;
}

/** Returns values by name. Throws a Fault. */
function readTokens(command: Command, tokens: readonly Token[]): Args {
  const options = optionsOf(command);
  const given: Record<string, Arg> = {};
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const [name, value] = readOption(options, token);
    given[name] = value;
  }
  for (const name of Object.keys(given)) {
    const other = options[name]?.excludes?.find((o) => given[o] !== undefined);
    if (other !== undefined) throw new Fault(`--${name} and --${other} cannot be given together`);
  }
  const args: Record<string, Arg> = { ...given, ...readWords(command, words) };
  for (const [name, spec] of Object.entries(command.options)) {
    args[name] ??= spec.default ?? (spec.type === 'boolean' ? false : undefined);
  }
  return args;
}

function readOption(
  options: Options,
  { name, rawName, value, inlineValue }: Extract<Token, { kind: 'option' }>,
): [name: string, value: Arg] {
  const negated = name.startsWith('no-') ? name.slice(3) : '';
  if (value === undefined && own(options, negated)?.type === 'boolean') return [negated, false];
  const spec = own(options, name);
  if (spec === undefined) {
    const flags = rawName.startsWith('--') ? Object.keys(options).map((o) => `--${o}`) : [];
    throw new Fault(`unknown option ${rawName}${meant(rawName, flags)}`);
  }
  if (spec.type === 'boolean') {
    if (value !== undefined) throw new Fault(`${rawName} takes no value`);
    return [name, true];
  }
  if (value === undefined || (value === '' && spec.type === 'string')) {
    throw new Fault(`${rawName} needs a value`);
  }
  if (!inlineValue && /^-./.test(value)) {
    throw new Fault(
      `${rawName} needs a value; a value with a dash in front is written --${name}=…`,
    );
  }
  refuseOther(rawName, spec.choices, value);
  if (spec.type === 'string') return [name, value];
  const number = value.trim() === '' ? NaN : Number(value);
  const [min, max] = spec.range ?? [-Infinity, Infinity];
  if (number >= min && number <= max) return [name, number];
  const allowed = spec.range === undefined ? 'a number' : `a number from ${min} to ${max}`;
  throw new Fault(`${rawName} must be ${allowed}, not "${value}"`);
}

/** Assigns the remaining words to the command's positionals. */
function readWords({ positionals = {} }: Command, words: readonly string[]): Record<string, Arg> {
  const expected = Object.entries(positionals);
  const isOpen = expected.at(-1)?.[1].isMany === true;
  const extra = isOpen ? undefined : words[expected.length];
  if (extra !== undefined) throw new Fault(`unexpected argument "${extra}"`);
  const args: Record<string, Arg> = {};
  for (const [i, [name, { isOptional, isMany, choices }]] of expected.entries()) {
    const word = words[i];
    if (isMany === true && (word !== undefined || isOptional === true)) {
      args[name] = words.slice(i);
    } else if (word !== undefined) {
      refuseOther(`<${name}>`, choices, word);
      args[name] = word;
    } else if (isOptional !== true) {
      throw new Fault(`<${name}> is missing`);
    }
  }
  return args;
}

function refuseOther(place: string, choices: readonly string[] | undefined, value: string): void {
  if (choices === undefined || choices.includes(value)) return;
  throw new Fault(`${place} must be one of ${choices.join(', ')}, not "${value}"`);
}

function meant(word: string, candidates: readonly string[]): string {
  const near = closest(word, candidates);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

/** Looks up a name typed by a user, which may be "constructor". */
function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
