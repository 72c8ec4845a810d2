// Runs a program that changes the host. It may take hours, as long as it says something; what it
// started dies with it.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { env as ownEnvironment, kill } from 'node:process';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../../core/clock.ts';
import { Patience } from '../../core/deadline.ts';
import { AppError } from '../../core/errors.ts';
import { withoutCredentials } from '../../core/text/shown-url.ts';
import { errnoOf } from '../read-error.ts';
import { ProgramOutput } from './program-output.ts';

export interface ProgramOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Without a byte of output for so long, a program counts as stuck. */
  readonly silenceMs?: number;
  /** Its name in messages, where the arguments are many or not for everybody's eyes. */
  readonly name?: string | undefined;
  /** Its standard input; nothing when left out. */
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Told of each line as it is printed, standard output and error in one. */
  readonly onLine?: (line: string) => void;
}

const defaultSilenceMs = 30 * 60_000;
/** From the request to end to the end by force, and from there to giving up on it. */
const graceMs = 5_000;
const giveUpMs = 60_000;

/** The standard output of a program that succeeded.
 *  Errors: AppError `exec.missing`, `exec.failed` (with the last lines of its output in the details), or
 *  the signal's reason. None of its processes runs any more then, unless the error says so. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<string> {
  const run = await Run.start(program, args, options);
  run.child.stdout.on('data', (chunk: Buffer) => run.hear(chunk, 'stdout'));
  run.child.stdin.end(options.input ?? '');
  return await run.end();
}

/** The standard output of a program that is given `input` on its standard input, as it comes. Its end is
 *  only believed of a program that succeeded. Errors: those of `input`, or as runProgram. */
export async function* filterThrough(
  program: string,
  args: readonly string[],
  input: AsyncIterable<Uint8Array>,
  options: ProgramOptions,
): AsyncGenerator<Uint8Array> {
  const run = await Run.start(program, args, options);
  const ended = run.end();
  ended.catch(() => {});
  let inputError: unknown;
  // A program that ends early closes its input: its exit code says why.
  const feeding = pipeline(read(), run.child.stdin).catch(() => {});
  try {
    // Without an encoding, what a pipe gives are bytes.
    for await (const chunk of run.child.stdout as AsyncIterable<Uint8Array>) {
      run.hear(undefined, 'stdout');
      yield chunk;
    }
    await ended;
    await feeding;
    if (inputError !== undefined) throw inputError;
  } catch (err) {
    throw inputError ?? err;
  } finally {
    run.kill('SIGKILL');
    await feeding;
    await ended.catch(() => {});
  }

  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      yield* input;
    } catch (err) {
      inputError = err;
      throw err;
    }
  }
}

type Child = ChildProcessWithoutNullStreams;

/** A program that is under way. */
class Run {
  readonly child: Child;
  readonly #name: string;
  readonly #options: ProgramOptions;
  readonly #output: ProgramOutput;
  readonly #gone: Promise<number | NodeJS.Signals>;
  readonly #stopped = Promise.withResolvers<never>();
  readonly #patience: Patience;

  private constructor(child: Child, name: string, options: ProgramOptions) {
    this.child = child;
    this.#name = name;
    this.#options = options;
    this.#output = new ProgramOutput(options.onLine);
    this.#gone = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve(code ?? signal ?? 'SIGKILL'));
    });
    this.#stopped.promise.catch(() => {});
    this.#patience = new Patience(options.clock, (cause) => {
      const details = { output: this.#output.lastLines };
      this.#stopped.reject(new AppError('exec.failed', `${name} is stuck`, { cause, details }));
    });
    // A program that ends early closes its input: its exit code says why.
    child.stdin.on('error', () => {});
    child.stderr.on('data', (chunk: Buffer) => this.hear(chunk, 'stderr'));
    this.hear(undefined, 'stderr');
  }

  static async start(
    program: string,
    args: readonly string[],
    options: ProgramOptions,
  ): Promise<Run> {
    options.signal.throwIfAborted();
    // System programs are not in every user's search path.
    const places = program.includes('/') ? [''] : ['', '/usr/sbin/', '/sbin/'];
    for (const place of places) {
      const child = await started(place + program, args, options);
      if (child !== undefined)
        return new Run(child, options.name ?? nameOf(program, args), options);
    }
    throw new AppError('exec.missing', `there is no program ${program} in this image`, {
      details: { program },
    });
  }

  /** Takes a part of its output, or the news that there was one. */
  hear(chunk: Buffer | undefined, pipe: 'stdout' | 'stderr'): void {
    this.#patience.expect('output', this.#options.silenceMs ?? defaultSilenceMs);
    if (chunk !== undefined) this.#output.add(chunk, pipe);
  }

  /** Resolves to its standard output when it has succeeded. */
  async end(): Promise<string> {
    const { signal } = this.#options;
    const onAbort = (): void => this.#stopped.reject(reasonOf(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const code = await Promise.race([this.#gone, this.#stopped.promise]);
      this.#output.flush();
      if (code !== 0) throw this.#failure(code);
      return this.#output.text;
    } catch (err) {
      await this.#stop();
      throw err;
    } finally {
      this.#patience.end();
      signal.removeEventListener('abort', onAbort);
      this.kill('SIGKILL');
    }
  }

  kill(signal: NodeJS.Signals): void {
    if (this.child.pid === undefined) return;
    try {
      kill(-this.child.pid, signal);
    } catch {
      // The whole group has ended by itself.
    }
  }

  /** Asks the program to end, then makes it end. A disk must not be written by a program that nobody
   *  waits for, so one that is stuck in the kernel is waited for too, in reason. */
  async #stop(): Promise<void> {
    this.kill('SIGTERM');
    if (await this.#isGoneWithin(graceMs)) return;
    this.kill('SIGKILL');
    // A daemon that left the group may keep this open; do not wait for it.
    this.child.stdout.destroy();
    this.child.stderr.destroy();
    if (await this.#isGoneWithin(giveUpMs)) return;
    this.child.unref();
    throw new AppError(
      'exec.failed',
      `${this.#name} cannot be ended and may still run: reset this machine`,
    );
  }

  async #isGoneWithin(ms: number): Promise<boolean> {
    const over = new AbortController();
    const late = this.#options.clock.sleep(ms, over.signal).then(
      () => false,
      () => true,
    );
    const isGone = await Promise.race([this.#gone.then(() => true), late]);
    over.abort(new Error('the program is over'));
    return isGone;
  }

  #failure(code: unknown): AppError {
    const output = this.#output.lastLines;
    // An indented line explains the one before: mount's "dmesg(1) may have more information".
    const reason = output.findLast((line) => !line.startsWith(' ')) ?? output.at(-1);
    return new AppError('exec.failed', `${this.#name} failed`, {
      cause: new Error(reason ?? `it ended with ${String(code)}`),
      details: { output, code },
    });
  }
}

/** Undefined when there is no such file. */
async function started(
  file: string,
  args: readonly string[],
  { env }: ProgramOptions,
): Promise<Child | undefined> {
  const child = spawn(file, args, {
    stdio: 'pipe',
    // A process group of its own, so that what it starts can be killed with it.
    detached: true,
    env: { ...ownEnvironment, LC_ALL: 'C', ...env },
  });
  const err = await new Promise<Error | undefined>((resolve) => {
    child.once('spawn', () => resolve(undefined));
    child.once('error', resolve);
  });
  if (err === undefined) {
    endBeforeAgent(child);
    return child;
  }
  if (errnoOf(err) === 'ENOENT') return undefined;
  throw new AppError('exec.failed', `cannot start ${file}`, { cause: err });
}

/** Where memory runs out, the kernel is to end this program rather than an agent that is protected from that. */
function endBeforeAgent({ pid }: Child): void {
  try {
    if (Number(readFileSync('/proc/self/oom_score_adj', 'utf8')) >= 0) return;
    writeFileSync(`/proc/${pid}/oom_score_adj`, '0');
  } catch {
    // It has ended already, or this system has no such thing.
  }
}

function nameOf(program: string, args: readonly string[]): string {
  const text = withoutCredentials([program, ...args].join(' '));
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
