// The only place that reads process.env and process.argv and sets the exit code.
import { writeSync } from 'node:fs';
import { AppError, describeError, isAppError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { stuckReads } from '../sources/isolated/slow-reads.ts';
import type { Io } from './command.ts';
import { leave } from './leave.ts';
import { parseFast, parseWithYargs, type Program } from './parse.ts';

/** Runs a program's command line and ends the process. Exit codes: 0 good, 1 a negative finding,
 *  2 usage or failure. A stack trace is printed with DRAGONFLY_DEBUG set. */
export async function main(program: Program): Promise<void> {
  const argv = process.argv.slice(2);
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      interrupt.abort(new Error(`stopped by ${name}`));
    });
  }
  const io: Io = {
    env: process.env,
    print,
    get stdout() {
      return stdout();
    },
    get stderr() {
      return process.stderr;
    },
    signal: interrupt.signal,
    version: program.version,
    log: () => openLog(process.env['DRAGONFLY_LOG'] ?? 'info'),
  };
  try {
    const parsed = parseFast(program, argv) ?? (await parseWithYargs(program, argv));
    process.exitCode = parsed === undefined ? 0 : await parsed.command.run(parsed.args, io);
  } catch (err) {
    process.exitCode = 2;
    process.stderr.write(explain(program.name, err, process.env['DRAGONFLY_DEBUG'] !== undefined));
  }
  if (stuckReads() > 0) await leave(process.exitCode);
}

/** Standard output as a stream, made when it is first asked for. */
function stdout(): NodeJS.WriteStream {
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', ignoreClosed);
  return process.stdout;
}

function print(text: string): void {
  const bytes = Buffer.from(text);
  let written = 0;
  try {
    while (written < bytes.length) written += writeSync(1, bytes, written);
  } catch (err) {
    // A pipe that is full, and that whoever made it set to refuse rather than wait.
    if (err instanceof Error && 'code' in err && err.code === 'EAGAIN') {
      stdout().write(bytes.subarray(written));
    } else ignoreClosed(err);
  }
}

/** A reader that went away (`| head`) is no error of ours. */
function ignoreClosed(err: unknown): void {
  if (!(err instanceof Error && 'code' in err && err.code === 'EPIPE')) throw err;
}

function explain(name: string, err: unknown, debug: boolean): string {
  const code = isAppError(err) ? ` [${err.code}]` : '';
  const trace = debug && err instanceof Error ? `\n${err.stack ?? ''}` : '';
  const hint =
    err instanceof AppError || debug
      ? ''
      : '\nThis is a bug. Run again with DRAGONFLY_DEBUG=1 for a report.';
  return `${name}: ${describeError(err)}${code}${hint}${trace}\n`;
}

async function openLog(level: string): Promise<Log> {
  const { pino } = await import('pino');
  const logger: Log = pino({ level }, pino.destination({ dest: 2, sync: true }));
  return logger;
}
