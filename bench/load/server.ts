// A server in a process of its own beside a bare one of fastify: its CPU time, unlike its rate, does not depend on what
// else this machine is doing.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fastify from 'fastify';
import type { Machine } from '../../src/model/machine.ts';
import { benchMachine } from './store-machines.ts';
import { withCallers } from './callers.ts';
import { postAll, type Message } from './client.ts';
import type { Part } from './compare.ts';

export const paths = {
  heartbeat: '/api/agent/heartbeat',
  checkin: '/api/agent/checkin',
  /** A route of the bare server, which puts the next of the machines that were made ready. */
  put: '/put',
};

interface Ports {
  readonly bare: number;
  readonly server: number;
}

/** Machines that the process puts into its store at once, or (`areReady`) keeps for the bare server's puts. It answers
 *  with the CPU time that it has used. */
interface Question {
  readonly from: number;
  readonly count: number;
  readonly areReady: boolean;
}

export class LoadedServer {
  readonly ports: Ports;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(ports: Ports, child: ChildProcess, directory: string) {
    this.ports = ports;
    this.#child = child;
    this.#directory = directory;
  }

  /** `root`: the directory of the sources, those of another version too. */
  static async start(root = join(import.meta.dirname, '../..')): Promise<LoadedServer> {
    const directory = mkdtempSync(join(tmpdir(), 'dragonfly-bench-'));
    const child = fork(import.meta.filename, ['serve', root, `${directory}/data`]);
    const ports: Ports = await messageOf(child);
    return new LoadedServer(ports, child, directory);
  }

  /** Puts `count` machines into the store, from the one with this number on. */
  async fill(from: number, count: number): Promise<void> {
    await this.#ask({ from, count, areReady: false });
  }

  /** Makes the records of machines for the bare server's puts. */
  async makeReady(from: number, count: number): Promise<void> {
    await this.#ask({ from, count, areReady: true });
  }

  /** Posts `count` messages over 64 connections. */
  async load(
    to: keyof Ports,
    path: string,
    message: (i: number) => Message,
    count: number,
  ): Promise<Part> {
    const before = await this.#cpuMs();
    const ms = await postAll(
      this.ports[to],
      path,
      Array.from({ length: count }, (_, i) => message(i)),
    );
    return { count, ms, cpuMs: (await this.#cpuMs()) - before };
  }

  async end(): Promise<void> {
    if (this.#child.connected) {
      this.#child.disconnect();
      await once(this.#child, 'exit');
    }
    rmSync(this.#directory, { recursive: true });
  }

  async #cpuMs(): Promise<number> {
    const { user, system } = await this.#ask({ from: 0, count: 0, areReady: false });
    return (user + system) / 1000;
  }

  async #ask(question: Question): Promise<NodeJS.CpuUsage> {
    const answer = messageOf<NodeJS.CpuUsage>(this.#child);
    this.#child.send(question);
    return answer;
  }
}

/** The next message of the server. Errors: Error when it ends, or has ended, without one. */
async function messageOf<T>(child: ChildProcess): Promise<T> {
  const ended = new AbortController();
  const end = (): void => ended.abort(new Error(`the server ended: ${endOf(child)}`));
  child.once('exit', end);
  if (child.exitCode !== null || child.signalCode !== null) end();
  try {
    const [message] = await once(child, 'message', { signal: ended.signal });
    return message;
  } finally {
    child.off('exit', end);
  }
}

function endOf({ exitCode, signalCode }: ChildProcess): string {
  return signalCode ?? `exit code ${exitCode}`;
}

if (process.argv[2] === 'serve') await serve(process.argv[3] ?? '', process.argv[4] ?? '');

/** The n-th machine as its first check-in leaves it: nobody has given it tags yet. */
function registered(n: number): Machine {
  const machine = benchMachine(n);
  return { ...machine, config: { ...machine.config, tags: [] } };
}

async function serve(root: string, data: string): Promise<void> {
  const { systemClock }: typeof import('../../src/core/clock.ts') = await import(
    `${root}/src/core/clock.ts`
  );
  const { createApp }: typeof import('../../src/server/app.ts') = await import(
    `${root}/src/server/app.ts`
  );
  const { openStore }: typeof import('../../src/store/open.ts') = await import(
    `${root}/src/store/open.ts`
  );
  const store = await openStore(`lmdb:${data}`);
  // Whatever else this machine does, none is turned away.
  const overload = { heartbeatLagMs: Infinity, checkinLagMs: Infinity };
  const app = await createApp({ store, clock: systemClock, overload });
  const ready: Machine[] = [];
  const bare = fastify();
  const answer = { action: 'wait', workflow_id: null, heartbeat_interval_seconds: 10 };
  bare.post(paths.heartbeat, () => answer);
  bare.post(paths.put, async () => {
    const machine = ready.pop();
    if (machine === undefined) throw new Error('no machine is ready');
    await store.machines.put(machine, 'absent');
    return answer;
  });
  const listening = { host: '127.0.0.1', port: 0 };
  const urls = await Promise.all([bare.listen(listening), app.listen(listening)]);
  const take = async ({ from, count, areReady }: Question): Promise<void> => {
    if (areReady) for (let n = from; n < from + count; n += 1) ready.push(registered(n));
    else await withCallers(512, count, (n) => store.machines.put(benchMachine(from + n), 'absent'));
    process.send?.(process.cpuUsage());
  };
  process.on('message', (question: Question) => void take(question));
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  const [barePort = 0, server = 0] = urls.map((url) => Number(new URL(url).port));
  process.send?.({ bare: barePort, server } satisfies Ports);
}
