// The real server as a process of its own, to be killed.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { v7 } from 'uuid';

const program = join(import.meta.dirname, '../../src/cli/dragonfly-server.ts');

interface Starting {
  readonly level?: string;
  /** Those of Node. */
  readonly flags?: readonly string[];
  /** 0: a free one. */
  readonly port?: number;
  /** More arguments of the server. */
  readonly args?: readonly string[];
}

export class ServerProcess {
  readonly #process: ChildProcess;
  readonly url: string;
  readonly #log: () => string;

  private constructor(child: ChildProcess, url: string, log: () => string) {
    this.#process = child;
    this.url = url;
    this.#log = log;
  }

  /** Starts a server on a store and waits until it listens. */
  static async start(
    store: string,
    { level = 'error', flags = [], port = 0, args = [] }: Starting = {},
  ): Promise<ServerProcess> {
    const listen = `127.0.0.1:${port}`;
    const command = [...flags, program, '--listen', listen, '--store', store, ...args];
    const child = spawn(process.execPath, command, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DRAGONFLY_LOG: level },
    });
    let said = '';
    child.stderr.on('data', (text) => {
      said += String(text);
    });
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /listens on (http:\S+)/.exec(line)?.[1];
      if (url === undefined) continue;
      child.stdout.resume();
      return new ServerProcess(child, url, () => said);
    }
    throw new Error(`the server did not start: ${said}`);
  }

  /** Asks it to end. Its exit code, and what it logged. */
  async stop(): Promise<{ code: number | null; log: string }> {
    const ended = once(this.#process, 'close');
    this.#process.kill('SIGTERM');
    await ended;
    return { code: this.#process.exitCode, log: this.#log() };
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}

/** The check-in of the n-th machine of a test. */
export function checkinOf(n: number): Record<string, unknown> {
  const hex = n.toString(16).padStart(8, '0');
  return {
    mac: `02:01:${hex.match(/../g)?.join(':') ?? ''}`,
    boot_id: v7(),
    sequence: 1,
    disks: [{ name: 'sda', size_bytes: 1_000_000, serial: `S${hex}` }],
  };
}

/** The machine's id once the server acknowledges; undefined when it does not. */
export async function checkIn(
  url: string,
  request: Record<string, unknown>,
): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/api/agent/checkin`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(30_000),
    });
    const answer: unknown = await response.json();
    if (response.status !== 200) return undefined;
    return String(Object(answer).machine_id);
  } catch {
    return undefined;
  }
}
