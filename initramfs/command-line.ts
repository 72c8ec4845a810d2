// The command lines of this folder's programs: flags, --help, and errors as sentences.
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { AppError, describeError, isAppError } from '../src/core/errors.ts';

type Values<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options }>
>['values'];

/** Parses the command line and does the work. Exit codes: 0 good, and for --help, which prints
 *  `usage`; 2 usage or failure. A stack trace is printed with DRAGONFLY_DEBUG set. */
export async function runProgram<Options extends ParseArgsOptionsConfig>(
  usage: string,
  options: Options,
  work: (values: Values<Options>) => Promise<void>,
): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    console.log(usage);
    return;
  }
  try {
    await work(parse(args, options));
  } catch (err) {
    process.exitCode = 2;
    console.error(process.env['DRAGONFLY_DEBUG'] === undefined ? describeError(err) : err);
    if (isAppError(err, 'usage.invalid')) console.error(`\n${usage}`);
    else if (!isAppError(err)) console.error('(DRAGONFLY_DEBUG=1 shows where in the program)');
  }
}

function parse<Options extends ParseArgsOptionsConfig>(
  args: string[],
  options: Options,
): Values<Options> {
  try {
    return parseArgs({ args, options }).values;
  } catch (err) {
    throw new AppError('usage.invalid', describeError(err));
  }
}

/** A value of a flag that cannot be used. `allowed` says what can. */
export function unusable(flag: string, value: string, allowed: string): AppError {
  return new AppError('usage.invalid', `--${flag} ${value}: ${allowed}`);
}
