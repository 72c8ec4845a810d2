// A process that reads files, one at a time.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { execPath } from 'node:process';
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../core/errors.ts';
import { formatRequest, type Answer, type Request } from './reads.ts';

/** The netboot image's own, which takes less than 1 MB and starts at once. */
const small = '/image/agent/read-files';

/** True if processes that read below `top` take next to no memory. */
export function isSmall(top: string): boolean {
  return top === '/' && isSea() && existsSync(small);
}

export class ReadingProcess {
  /** Settles when the process has started; that time does not count for any read. */
  readonly ready: Promise<unknown>;
  readonly #child: ChildProcess;
  #pending = '';
  #settle: { resolve: (answer: Answer) => void; reject: (err: AppError) => void } | undefined;
  #gone: AppError | undefined;

  /** Starts it: `command`, or what there is for `top`. */
  constructor(top: string, command = commandFor(top)) {
    const [program = '', ...args] = command;
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.on('error', (err) => {
      this.#end(err);
    });
    this.#child.on('exit', () => {
      this.#end(undefined);
    });
    this.#child.stdin?.on('error', () => {});
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#take(chunk);
    });
    this.ready = this.#answered().finally(() => {
      this.#unref();
    });
    // It may be ended before anybody asks it.
    this.ready.catch(() => {});
  }

  ask(request: Request): Promise<Answer> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    this.#child.stdin?.write(formatRequest(request));
    return this.#answered();
  }

  /** An idle one must not keep the program alive. It ends with its standard input. */
  #unref(): void {
    this.#child.unref();
    for (const stream of [this.#child.stdin, this.#child.stdout]) {
      if (stream !== null && 'unref' in stream && typeof stream.unref === 'function') {
        stream.unref();
      }
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
    this.#child.stdout?.destroy();
    this.#child.stdin?.destroy();
  }

  #answered(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  #take(chunk: string): void {
    this.#pending += chunk;
    if (!chunk.endsWith('\n')) return;
    // It answers one request at a time, so this is one whole line.
    const answer: Answer = JSON.parse(this.#pending);
    this.#pending = '';
    this.#settle?.resolve(answer);
    this.#settle = undefined;
  }

  #end(cause: unknown): void {
    this.#gone = new AppError('read.failed', 'the process that reads files has ended', { cause });
    this.#settle?.reject(this.#gone);
    this.#settle = undefined;
  }
}

/** reader.ts is next to this file: as TypeScript, compiled, or bundled. A single executable can run nothing but itself,
 *  and takes a word for it: see executable-main.cjs. */
function commandFor(top: string): readonly string[] {
  if (isSmall(top)) return [small];
  if (isSea()) return [execPath, 'read-files', top];
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  return [execPath, fileURLToPath(new URL(`./reader${extension}`, import.meta.url)), top];
}
