// The host that the agent runs on. Most of its files are read at once, synchronously: that is several
// times faster than by libuv's thread pool, and what it gives up is that such a read cannot be
// abandoned. So what may hang is read elsewhere: attributes that ask a driver in the pool, and files
// that another program or machine serves (FUSE, NFS) in processes that can be killed.
import { platform } from 'node:process';
import { systemClock, type Clock } from '../core/clock.ts';
import { hostFiles, kernelText, type Range } from './files.ts';
import type { IsolatedFiles } from './isolated/isolated.ts';
import { parseMounts, type Mounts } from './mounts.ts';
import type { Root } from './root.ts';
import { SlowReads } from './isolated/slow-reads.ts';

export interface SourceOptions {
  /** How long one read that may hang is waited for. */
  readonly readTimeoutMs?: number;
  /** How long one command is waited for. */
  readonly commandTimeoutMs?: number;
  readonly clock?: Clock;
}

/** Directories whose files are reached by way of links between their parts. */
const linked = ['/sys', '/proc'];

/** Disks, which may be dying, and what the agent mounts of them; a CPU's registers do not hang. */
const onDisk = /^\/dev\/(?!cpu\/)|^\/run\/dragonfly\/probe(-boot)?\//;

/** This host's own files and commands. */
export class HostRoot implements Root {
  readonly description = 'this host';
  /** Whether it has the files that probes read. */
  readonly isLinux = platform === 'linux';
  readonly #readTimeoutMs: number;
  readonly #commandTimeoutMs: number;
  readonly #clock: Clock;
  readonly #slow: SlowReads;
  readonly #mounts: Mounts;
  readonly #servedWithin: readonly string[];
  readonly #kernels: readonly string[];
  #isolated: Promise<IsolatedFiles> | undefined;

  constructor(options: SourceOptions = {}, mounts: Mounts = readMounts()) {
    this.#readTimeoutMs = options.readTimeoutMs ?? 2000;
    this.#commandTimeoutMs = options.commandTimeoutMs ?? 5000;
    this.#clock = options.clock ?? systemClock;
    this.#mounts = mounts;
    this.#servedWithin = linked.filter((directory) => mounts.hasServed(directory));
    this.#kernels = linked.filter((directory) => mounts.isKernels(directory));
    this.#slow = new SlowReads({
      timeoutMs: this.#readTimeoutMs,
      clock: this.#clock,
      otherwise: async (path) => (await this.#isolate()).text(path),
    });
  }

  async text(path: string): Promise<string | undefined> {
    if (this.#mayHang(path)) return (await this.#isolate()).text(path);
    if (SlowReads.isSlow(path)) return this.#slow.text(path);
    const isKernels = this.#kernels.some((directory) => path.startsWith(`${directory}/`));
    return isKernels ? kernelText(path) : hostFiles.text(path);
  }

  async bytes(path: string, range?: Range): Promise<Uint8Array | undefined> {
    if (this.#mayHang(path)) return (await this.#isolate()).bytes(path, range);
    return hostFiles.bytes(path, range);
  }

  async list(dir: string): Promise<readonly string[] | undefined> {
    return this.#mayHang(dir) ? (await this.#isolate()).list(dir) : hostFiles.list(dir);
  }

  async link(path: string): Promise<string | undefined> {
    return this.#mayHang(path) ? (await this.#isolate()).link(path) : hostFiles.link(path);
  }

  async exec(tool: string, args: readonly string[]): Promise<string | undefined> {
    const { runCommand } = await import('./command.ts');
    return await runCommand(tool, args, { timeoutMs: this.#commandTimeoutMs, clock: this.#clock });
  }

  /** Ends the processes that read what may hang, each of which takes as much memory as an agent at rest.
   *  The next such read starts one again. */
  async endReaders(): Promise<void> {
    (await this.#isolated)?.endIdle();
  }

  #mayHang(path: string): boolean {
    return (
      onDisk.test(path) ||
      this.#servedWithin.some((directory) => path.startsWith(`${directory}/`)) ||
      this.#mounts.isServed(path)
    );
  }

  #isolate(): Promise<IsolatedFiles> {
    this.#isolated ??= import('./isolated/isolated.ts').then(
      ({ IsolatedFiles }) => new IsolatedFiles('/', this.#readTimeoutMs, this.#clock),
    );
    return this.#isolated;
  }
}

/** The mounts of this host; none where the kernel is not Linux. */
export function readMounts(): Mounts {
  return parseMounts(hostFiles.text('/proc/self/mountinfo') ?? '');
}
