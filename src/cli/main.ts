// The only place that reads process.env and process.argv and sets the exit code.
import { fstatSync, writeSync } from 'node:fs';
import { AppError, describeError, isAppError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { stuckReads } from '../sources/isolated/slow-reads.ts';
import type { Io, Program } from './command.ts';
import { completionCommand } from './line/completion-command.ts';
import { leave } from './leave.ts';
import { parse } from './line/parse.ts';
import { harmless, printable } from './text/table.ts';

/** A signal that comes again within this time is the same one: npm passes on the Ctrl-C that the terminal sent to all. One
 *  that comes later ends the process at once. */
const samePressMs = 1000;

/** The text of the log that waits while it cannot be written, as on a full disk; what is more is lost. */
const mostLogBytes = 1024 * 1024;

/** Runs a program's command line and ends the process. Exit codes: 0 good, 1 a negative finding,
 *  2 usage or failure. A stack trace is printed with DRAGONFLY_DEBUG set. */
export async function main(program: Program): Promise<void> {
  quietenWarnings();
  const argv = process.argv.slice(2);
  const env = withoutEmpty(process.env);
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const stop = (): void => {
      interrupt.abort(new Error(`stopped by ${name}`));
      setTimeout(() => process.off(name, stop), samePressMs).unref();
    };
    process.on(name, stop);
  }
  const io: Io = {
    env,
    print,
    get stdout() {
      return stdout();
    },
    get stderr() {
      return stderr();
    },
    signal: interrupt.signal,
    ask: (question) => ask(question, interrupt.signal),
    input: async () => (await import('node:stream/consumers')).text(process.stdin),
    version: program.version,
    log: () => openLog(env['DRAGONFLY_LOG'] ?? 'info'),
  };
  const fail = (err: unknown): void => {
    process.exitCode = 2;
    const isExpected = err instanceof AppError || err === interrupt.signal.reason;
    stderr().write(explain(program, err, isExpected, env['DRAGONFLY_DEBUG'] !== undefined));
  };
  // A write may fail after main has returned.
  onLostOutput = fail;
  try {
    const code = await run(withCompletion(program), argv, io);
    process.exitCode ??= code;
  } catch (err) {
    fail(err);
  }
  if (stuckReads() > 0 || isLookingUp()) await leave(Number(process.exitCode));
  // With nothing left to do, the process ends without taking its heap apart first: 2 of 30 ms of `inventory`.
  process.once('beforeExit', () => process.exit());
}

/** True while a thread waits for a resolver, which may take minutes to give up. */
function isLookingUp(): boolean {
  return process.getActiveResourcesInfo().includes('GetAddrInfoReqWrap');
}

/** Node 22 warns of its SQLite, which only locks files here, in the middle of a log of JSON lines. */
function quietenWarnings(): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${String(warning)}\n`);
  });
}

async function run(program: Program, argv: readonly string[], io: Io): Promise<number> {
  const parsed = parse(program, argv);
  switch (parsed.kind) {
    case 'run':
      return parsed.command.run(parsed.args, io);
    case 'version':
      io.print(`${program.version}\n`);
      return 0;
    case 'help':
      io.print((await import('./line/help.ts')).helpText(program, parsed.command, parsed.group));
      return 0;
    case 'complete':
      io.print(await (await import('./line/completion.ts')).completed(program, parsed.words, io));
      return 0;
  }
}

/** Adds `completion` to programs with commands; the others are npm scripts, which no shell completes. */
function withCompletion(program: Program): Program {
  const { commands, name } = program;
  return commands === undefined
    ? program
    : { ...program, commands: [...commands, completionCommand(name)] };
}

/** An empty variable counts as unset, as in most programs. */
function withoutEmpty(env: NodeJS.ProcessEnv): Io['env'] {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
}

/** Told of output that could not be written, unless its reader went away (`| head`). */
let onLostOutput = (_err: unknown): void => {};

/** Standard output as a stream, created on first use. */
function stdout(): NodeJS.WriteStream {
  if (process.stdout.listenerCount('error') === 0) {
    process.stdout.on('error', (err) => {
      if (!isClosed(err)) onLostOutput(lostOutput(err));
    });
  }
  return process.stdout;
}

/** Standard error as a stream. A terminal that was closed, or a full disk, takes nothing any more: there is nobody to tell. */
function stderr(): NodeJS.WriteStream {
  if (process.stderr.listenerCount('error') === 0) process.stderr.on('error', () => {});
  return process.stderr;
}

/** Undefined where standard input or the terminal is not there. */
async function ask(question: string, signal: AbortSignal): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question, { signal });
  } finally {
    lines.close();
  }
}

/** Files and programs get answers as they are, and a terminal without control characters: records, settings and
 *  templates may have any. */
function print(text: string): void {
  let bytes = Buffer.from(text);
  let written = 0;
  try {
    if (fstatSync(1).isCharacterDevice()) bytes = Buffer.from(harmless(text));
    while (written < bytes.length) written += writeSync(1, bytes, written);
  } catch (err) {
    // The pipe is full and non-blocking.
    if (err instanceof Error && 'code' in err && err.code === 'EAGAIN') {
      stdout().write(bytes.subarray(written));
    } else if (!isClosed(err)) throw lostOutput(err);
  }
}

/** True if the reader went away, or the terminal was closed. */
function isClosed(err: unknown): boolean {
  if (!(err instanceof Error && 'code' in err)) return false;
  return err.code === 'EPIPE' || (err.code === 'EIO' && fstatSync(1).isCharacterDevice());
}

function lostOutput(cause: unknown): AppError {
  return new AppError('output.failed', 'cannot write to standard output', { cause });
}

function explain(program: Program, err: unknown, isExpected: boolean, debug: boolean): string {
  const code = isAppError(err) ? ` [${err.code}]` : '';
  const trace = debug && err instanceof Error ? `\n${err.stack ?? ''}` : '';
  const hint =
    isExpected || debug
      ? ''
      : `\n${program.unexpected ?? 'This is a bug. Run again with DRAGONFLY_DEBUG=1 for a report.'}`;
  // It may hold a server's answer, with text from machines.
  const says = describeError(err).split('\n').map(printable).join('\n');
  return `${program.name}: ${says}${code}${hint}${trace}\n`;
}

/** Errors: AppError `config.invalid`. */
async function openLog(level: string): Promise<Log> {
  const { levels, pino } = await import('pino');
  const known = [...Object.keys(levels.values), 'silent'];
  if (!known.includes(level)) {
    throw new AppError(
      'config.invalid',
      `DRAGONFLY_LOG: "${level}" cannot be used: it must be one of ${known.join(', ')}`,
    );
  }
  const destination = pino.destination({ dest: 2, sync: true, maxLength: mostLogBytes });
  // Otherwise whoever says something fails.
  destination.on('error', () => {});
  const logger: Log = pino({ level }, destination);
  return logger;
}
