// A command as data: its options, its arguments and the work behind them.
import type { Log } from '../core/log.ts';
import type { SettingSpecs } from '../core/settings.ts';

export interface OptionSpec {
  readonly type: 'boolean' | 'string' | 'number';
  readonly describe: string;
  /** One letter: "o" for `-o`. */
  readonly short?: string;
  /** A boolean that is not given is false. */
  readonly default?: boolean | string | number;
  readonly choices?: readonly string[];
  /** The least and the greatest number. */
  readonly range?: readonly [min: number, max: number];
  /** The word for its value in the help: "FILE". */
  readonly value?: string;
  /** Other options that it cannot be given together with. */
  readonly excludes?: readonly string[];
}

/** An argument without a name of its own: required unless said otherwise. */
export interface Positional {
  readonly describe: string;
  readonly choices?: readonly string[];
  readonly isOptional?: true;
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
      readonly [N in keyof P]: P[N] extends { readonly isOptional: true }
        ? Choice<P[N]> | undefined
        : Choice<P[N]>;
    });

export type Args = Readonly<Record<string, string | number | boolean | undefined>>;

/** What surrounds a command: all that main.ts takes from the process. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Prints an answer. Cheaper than `stdout`, whose stream takes longer to make than most answers. */
  readonly print: (text: string) => void;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  readonly version: string;
  /** Loads pino when it is first used; logs go to stderr. */
  log(): Promise<Log>;
}

export interface Command {
  readonly name: string;
  /** Left out of the help. */
  readonly isInternal?: true;
  readonly describe: string;
  /** In the order in which they are given. */
  readonly positionals?: Positionals;
  readonly options: Options;
  /** Settings that may be given as flags. As they may stand elsewhere too, `run` reads them from all
   *  places, its arguments among them. */
  readonly settings?: SettingSpecs;
  /** Resolves to the exit code: 0 good, 1 a negative finding, 2 usage or failure. Throws AppError.
   *  Loads what is heavy with `await import()`: a command pays only for what it uses. */
  run(args: Args, io: Io): Promise<number>;
}

/** A command whose `run` is given its own options and arguments under their types. */
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
  /** As it is called: "dragonfly-agent", "npm start --". */
  readonly name: string;
  readonly version: string;
  /** None: the program is its default command. */
  readonly commands?: readonly Command[];
  /** Runs when the command line names no command. Takes no arguments beside commands: a word is the name
   *  of one. */
  readonly defaultCommand?: Command;
  /** Follows an error that no code foresees. */
  readonly unexpected?: string;
  /** Commands that became programs of their own. */
  readonly moved?: Readonly<Record<string, string>>;
}
