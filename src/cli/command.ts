// What a command of the command line is: its options as data, and what it does.
import type { Log } from '../core/log.ts';

export interface OptionSpec {
  readonly type: 'boolean' | 'string' | 'number';
  readonly describe: string;
  readonly alias?: string;
  readonly default?: boolean | string | number;
  /** May be given several times; its value is an array. */
  readonly array?: boolean;
  readonly choices?: readonly string[];
}

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

export type Args = Readonly<Record<string, unknown>>;

export interface Command {
  readonly name: string;
  /** Not shown by --help. */
  readonly isInternal?: true;
  /** Positional arguments as yargs writes them: "<file>" or "[file]". */
  readonly positionals?: string;
  readonly describe: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Resolves to the exit code: 0 good, 1 a negative finding, 2 usage or failure. Throws AppError.
   *  Loaded lazily, so that a command pays only for what it uses. */
  run(args: Args, io: Io): Promise<number>;
}
