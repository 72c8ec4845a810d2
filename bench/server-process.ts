// Runs a server in a process of its own, for benchmarks that kill it or measure it.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = join(import.meta.dirname, '../src/cli/dragonfly-server.ts');

export class ServerProcess {
  readonly url: string;
  readonly #port: number;
  readonly #data = mkdtempSync(join(tmpdir(), 'bench-server-'));
  #child: ChildProcess | undefined;
  /** From the start of the process until it was ready. */
  startMs = 0;

  private constructor(port: number) {
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** A server with an empty embedded store, or one that `fill` was given the URL of, once it is ready. */
  static async start(fill?: (url: string) => Promise<void>): Promise<ServerProcess> {
    const server = new ServerProcess(await freePort());
    await fill?.(`lmdb:${server.#data}`);
    await server.restart();
    return server;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it, on the data that are there. */
  async restart(): Promise<void> {
    const args = ['--listen', `127.0.0.1:${this.#port}`, '--data', this.#data];
    const startedMs = performance.now();
    const env = { ...process.env, DRAGONFLY_LOG: 'fatal' };
    this.#child = spawn(process.execPath, [program, ...args], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    for (;;) {
      const isUp = await fetch(`${this.url}/api/ready`).then(
        (r) => r.ok,
        () => false,
      );
      this.startMs = performance.now() - startedMs;
      if (isUp) return;
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
  }

  /** As a power cut does. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => {
      child.once('exit', resolve);
    });
    child.kill('SIGKILL');
    await ended;
  }

  /** Ends it and removes its data. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#data, { recursive: true });
  }
}

/** The kernel's figures for a process. Units: kilobytes; milliseconds of CPU. */
export function processFigures(pid: number): { rssKb: number; cpuMs: number } {
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  // utime and stime, in hundredths of a second: proc_pid_stat(5), counted after the name.
  return { rssKb: Number(rss), cpuMs: (Number(stat[11]) + Number(stat[12])) * 10 };
}

/** The processes that a process has started and that run. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // A server that listens on TCP has a port.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
