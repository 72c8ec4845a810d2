// The host that the agent runs on. Most files are read synchronously, several times faster than through
// libuv's thread pool; the cost is that such a read cannot be abandoned. Files that may hang are read
// elsewhere: attributes that ask a driver in the pool, served file systems (FUSE, NFS) in killable
// processes.
import { platform } from 'node:process';
import { systemClock, type Clock } from '../core/clock.ts';
import { hostFiles, kernelText, type Range } from './files.ts';
import type { IsolatedFiles } from './isolated/isolated.ts';
import { parseMounts, type Mounts } from './mounts.ts';
import type { Root } from './root.ts';
import { SlowReads } from './isolated/slow-reads.ts';

export interface SourceOptions {
  /** The limit for one read that may hang. */
  readonly readTimeoutMs?: number;
  /** The limit for one command. */
  readonly commandTimeoutMs?: number;
  readonly clock?: Clock;
}

/** Directories whose parts link to each other, so that a path into one may lead anywhere in it. */
const linked = ['/sys', '/proc'];

/** Disks, which may be dying, and the file systems that the agent mounts from them. A CPU's registers do
 *  not hang. */
const onDisk = /^\/dev\/(?!cpu\/)|^\/run\/dragonfly\/probe(-boot)?\//;

/** This host's own files and commands. */
export class HostRoot implements Root {
  readonly description = 'this host';
  /** True if this host has the files that probes read. */
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

  /** Ends the reader processes, each of which takes as much memory as an idle agent. The next read that may
   *  hang starts one again. */
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

/** The mounts of this host; none if its kernel is not Linux. */
export function readMounts(): Mounts {
  return parseMounts(hostFiles.text('/proc/self/mountinfo') ?? '');
}
