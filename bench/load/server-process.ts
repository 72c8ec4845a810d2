// Runs the built server in a process of its own, as its service does, for benchmarks that kill it or measure it.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { Requests } from '../../src/transport/requests.ts';
import { TestCa } from '../../test/transport/test-ca.ts';
import { freePort } from '../../initramfs/machine/free-port.ts';

const project = join(import.meta.dirname, '../..');
const program = join(project, 'dist/bin/dragonfly-server.js');
const service = readFileSync(join(project, 'contrib/dragonfly-server.service'), 'utf8');
const nodeOptions = /^Environment=NODE_OPTIONS=(.*)$/m.exec(service)?.[1] ?? '';

export class ServerProcess {
  readonly url: string;
  /** The CA of its certificate, PEM; undefined without TLS. */
  readonly ca: string | undefined;
  readonly #port: number;
  readonly #data = mkdtempSync(join(tmpdir(), 'bench-server-'));
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  /** From the start of the process until it was ready. */
  startMs = 0;

  private constructor(port: number, isSecure: boolean) {
    this.#port = port;
    this.url = `${isSecure ? 'https' : 'http'}://127.0.0.1:${port}`;
    const tls = isSecure ? certificateIn(this.#data) : undefined;
    this.ca = tls?.ca;
    this.#args = tls?.args ?? [];
  }

  /** A server with an empty embedded store, or one that `fill` was given the URL of, once it is ready. `isSecure`:
   *  with TLS. */
  static async start(
    fill?: (url: string) => Promise<void>,
    isSecure = false,
  ): Promise<ServerProcess> {
    if (!existsSync(program)) throw new Error(`there is no ${program}: run npm run build first`);
    const server = new ServerProcess(await freePort(), isSecure);
    await fill?.(`lmdb:${server.#data}`);
    await server.restart();
    return server;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it, on the data that are there. */
  async restart(): Promise<void> {
    const args = ['--listen', `127.0.0.1:${this.#port}`, '--data', this.#data, ...this.#args];
    const startedMs = performance.now();
    const env = { ...process.env, DRAGONFLY_LOG: 'fatal', NODE_OPTIONS: nodeOptions };
    this.#child = spawn(process.execPath, [program, ...args], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const requests = new Requests(this.url, { clock: systemClock, ca: this.ca });
    const { signal } = new AbortController();
    const ready = { method: 'GET', path: 'api/ready', isRepeatable: true, signal } as const;
    for (;;) {
      const isUp = await requests.send(ready).then(
        ({ status }) => status === 200,
        () => false,
      );
      this.startMs = performance.now() - startedMs;
      if (isUp) break;
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
    await requests.close();
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

/** A certificate for loopback, and the arguments that give it to a server. */
function certificateIn(directory: string): { ca: string; args: string[] } {
  const ca = new TestCa();
  const { cert, key } = ca.issue('IP:127.0.0.1', '2020-01-01', '2099-01-01');
  const files = { cert: join(directory, 'tls.pem'), key: join(directory, 'tls.key') };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key, { mode: 0o600 });
  const { pem } = ca;
  ca.remove();
  return { ca: pem, args: ['--tls-cert', files.cert, '--tls-key', files.key] };
}
