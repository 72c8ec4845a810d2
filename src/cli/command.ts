// A command as data: its options, its arguments and the work behind them.
import type { Log } from '../core/log.ts';
import type { SettingSpecs } from '../core/settings/settings.ts';

export interface OptionSpec {
  readonly type: 'boolean' | 'string' | 'number';
  readonly describe: string;
  /** One letter: "o" for `-o`. */
  readonly short?: string;
  /** Booleans default to false. */
  readonly default?: boolean | string | number;
  readonly choices?: readonly string[];
  /** The smallest and largest number allowed. */
  readonly range?: readonly [min: number, max: number];
  /** The placeholder for its value in the help. Shells complete file names for "FILE" and "DIR". */
  readonly value?: string;
  /** Shells complete it with what the program finds under this word: see `Program.namesFor`. */
  readonly names?: string;
  /** Its value where it stands alone. */
  readonly bare?: string;
  /** Options that cannot be combined with this one. */
  readonly excludes?: readonly string[];
}

/** A positional argument. */
export interface Positional {
  readonly describe: string;
  /** "FILE" and "DIR" let shells complete file names. */
  readonly value?: string;
  readonly choices?: readonly string[];
  /** As that of an option. */
  readonly names?: string;
  readonly isOptional?: true;
  /** All words from here on, at least one unless it is optional. */
  readonly isMany?: true;
}

type Options = Readonly<Record<string, OptionSpec>>;
type Positionals = Readonly<Record<string, Positional>>;

type Choice<S> = S extends { readonly choices: readonly (infer C extends string)[] } ? C : string;
type Given<S> = S extends { readonly type: 'number' } ? number : Choice<S>;

type ArgsOf<O extends Options, P extends Positionals> = {
  readonly [N in keyof O]: O[N] extends { readonly type: 'boolean' }
    ? boolean
    : O[N] extends { readonly default: unknown }
      ? Given<O[N]>
      : Given<O[N]> | undefined;
} & (string extends keyof P
  ? // The command takes none.
    unknown
  : {
      readonly [N in keyof P]: P[N] extends { readonly isMany: true }
        ? readonly string[]
        : P[N] extends { readonly isOptional: true }
          ? Choice<P[N]> | undefined
          : Choice<P[N]>;
    });

export type Args = Readonly<Record<string, Arg>>;
export type Arg = string | number | boolean | readonly string[] | undefined;

/** A command's surroundings: everything that main.ts takes from the process. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Prints an answer without creating the stream `stdout`, which takes longer than most answers. */
  readonly print: (text: string) => void;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Aborted by SIGINT, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
  /** Asks at the terminal and returns the answer; undefined where nobody is there to answer. */
  ask(question: string): Promise<string | undefined>;
  /** All of standard input, as text. */
  input(): Promise<string>;
  readonly version: string;
  /** Loads pino on first use; logs go to stderr. */
  log(): Promise<Log>;
}

export interface Command {
  /** One word, or two where commands are grouped by what they act on: "machines list". */
  readonly name: string;
  readonly describe: string;
  /** Command lines, without the name of the program. */
  readonly examples?: readonly string[];
  /** In the order in which they are given. */
  readonly positionals?: Positionals;
  readonly options: Options;
  /** Settings accepted as flags. They may also come from other places, so `run` looks them up with its
   *  arguments as one layer. */
  readonly settings?: SettingSpecs;
  /** Resolves to the exit code: 0 good, 1 a negative finding, 2 usage or failure. Throws AppError.
   *  Loads what is heavy with `await import()`: a command pays only for what it uses. */
  run(args: Args, io: Io): Promise<number>;
}

/** Defines a command, typing the arguments of `run` by its options and positionals. */
export function command<const O extends Options, const P extends Positionals = Positionals>(
  spec: Omit<Command, 'options' | 'positionals' | 'run'> & {
    readonly options: O;
    readonly positionals?: P;
    run(args: ArgsOf<O, P>, io: Io): Promise<number>;
  },
): Command {
  // parse.ts gives each option and argument the type of its spec.
  return spec;
}

export interface Program {
  /** The words that start it: "dragonfly-agent", "npm start --". */
  readonly name: string;
  readonly describe: string;
  readonly version: string;
  /** Undefined for a program that is just its default command. */
  readonly commands?: readonly Command[];
  /** Runs when the command line names no command. Beside other commands it takes no positionals, since any
   *  word names a command. */
  readonly defaultCommand?: Command;
  /** The variables that it reads beside those of settings, and their meaning. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Looks up names of a kind, for a shell to offer in place of the last word. It may fail: then
   *  nothing is offered. */
  readonly namesFor?: (
    kind: string,
    words: readonly string[],
    io: Io,
  ) => Promise<readonly string[]>;
  /** Printed after an unexpected error. */
  readonly unexpected?: string;
  /** Commands that are now separate programs, with the names of these. */
  readonly moved?: Readonly<Record<string, string>>;
}
