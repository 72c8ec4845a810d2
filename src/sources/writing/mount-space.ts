// Mounts that nobody else sees. They live in a mount namespace that a process of ours holds open: when
// the agent dies, however it dies, the kernel unmounts them all.
import { spawn, type ChildProcess } from 'node:child_process';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import { runProgram, type ProgramOptions } from './program.ts';
import { Tree } from './tree.ts';

export class MountSpace {
  readonly #holder: ChildProcess;
  readonly #pid: number;
  readonly #clock: Clock;

  private constructor(holder: ChildProcess, pid: number, clock: Clock) {
    this.#holder = holder;
    this.#pid = pid;
    this.#clock = clock;
  }

  /** A namespace with a copy of this process's mounts. Errors: AppError `exec.failed`. */
  static async open(clock: Clock): Promise<MountSpace> {
    // cat ends when its input is closed, at the latest with this process.
    const script = 'echo ready && exec cat >/dev/null';
    const args = ['--mount', '--propagation', 'private', 'sh', '-c', script];
    const holder = spawn('unshare', args, { stdio: 'pipe' });
    const complaint = await new Promise<Error | undefined>((resolve) => {
      let said = '';
      holder.once('error', resolve);
      holder.stdout.once('data', () => resolve(undefined));
      holder.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
      holder.once('close', (code) => resolve(new Error(said.trim() || `it ended with ${code}`)));
    });
    if (complaint !== undefined || holder.pid === undefined) {
      throw new AppError('exec.failed', 'cannot make a mount namespace; the agent must be root', {
        cause: complaint,
      });
    }
    return new MountSpace(holder, holder.pid, clock);
  }

  /** The files that the namespace has below an absolute path. */
  tree(path: string): Tree {
    return new Tree(`/proc/${this.#pid}/root${path}`);
  }

  /** As runProgram, within the namespace. It dies with this process, however that dies: the next one would
   *  not see the mounts that a program left behind has. */
  run(
    program: string,
    args: readonly string[],
    options: Omit<ProgramOptions, 'clock'>,
  ): Promise<string> {
    const within = ['nsenter', `--mount=/proc/${this.#pid}/ns/mnt`, '--', program, ...args];
    const bound = ['--pdeathsig', 'KILL', '--', ...within];
    const name = options.name ?? [program, ...args].join(' ').slice(0, 200);
    return runProgram('setpriv', bound, { ...options, name, clock: this.#clock });
  }

  /** Unmounts all. */
  async close(): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    const gone = new Promise((resolve) => {
      this.#holder.once('close', resolve);
    });
    this.#holder.kill('SIGKILL');
    await gone;
  }
}
