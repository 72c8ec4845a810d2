// A server whose data is being checked goes on answering. The process that checks it is stopped in the middle, for as long
// as the test needs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import { temporaryDirectory } from '../backends.ts';
import { machine } from '../documents.ts';
import { runs, trialOf } from './trial-child.ts';

const program = join(import.meta.dirname, '../../../src/cli/dragonfly-server.ts');

/** A directory with a store in it that its server did not close. */
async function left(): Promise<string> {
  const directory = temporaryDirectory();
  const store = await openStore(`lmdb:${directory}`);
  await Promise.all(Array.from({ length: 50 }, (_, n) => store.machines.put(machine(n))));
  await store.close();
  writeFileSync(join(directory, 'not-closed'), '');
  return directory;
}

class Server {
  readonly #child;
  readonly #ended: Promise<unknown>;
  readonly #lines: AsyncIterator<string>;
  said = '';
  url = '';

  constructor(directory: string) {
    const args = [program, '--listen', '127.0.0.1:0', '--data', directory];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = once(this.#child, 'close');
    this.#child.stderr.on('data', (text) => (this.said += String(text)));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    onTestFinished(() => void this.#child.kill('SIGKILL'));
  }

  get pid() {
    return this.#child.pid;
  }

  /** Waits for the line with these words. */
  async says(words: string): Promise<void> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error(`it did not say "${words}": ${this.said}`);
      this.url = /http:\S+/.exec(value)?.[0] ?? this.url;
      if (value.includes(words)) return;
    }
  }

  async end(signal?: NodeJS.Signals): Promise<number | null> {
    if (signal !== undefined) this.#child.kill(signal);
    await this.#ended;
    return this.#child.exitCode;
  }

  async get(path: string): Promise<{ status: number; wait: string | null; text: string }> {
    const response = await fetch(`${this.url}${path}`);
    const wait = response.headers.get('retry-after');
    return { status: response.status, wait, text: await response.text() };
  }
}

const alive = { status: 200, wait: null, text: '{"status":"ok"}' };
const unavailable = (words: string) => ({
  status: 503,
  wait: '2',
  text: expect.stringMatching(`^\\{"error":"[^"]*${words}.*"code":"store.unavailable"`),
});

it('at its start says how far it is, and goes on at the same address', async () => {
  const server = new Server(await left());
  const trial = trialOf(server.pid).then((pid) => process.kill(pid, 'SIGSTOP') && pid);
  await server.says('checking the data of the last server, which did not close it');
  const pid = await trial;
  const { url } = server;
  expect(await server.get('/api/health')).toEqual(alive);
  const waits = unavailable('being checked after a stop that was not clean: \\d+ % of it');
  expect(await server.get('/api/ready')).toEqual(waits);
  expect(await server.get('/api/machines')).toEqual(waits);
  const posted = await fetch(`${url}/api/agent/checkin`, { method: 'POST', body: '{}' });
  expect(posted.status).toBe(503);
  process.kill(pid, 'SIGCONT');
  await server.says('listens on');
  expect(server.url).toBe(url);
  expect((await server.get('/api/ready')).status).toBe(200);
  expect(await server.end('SIGTERM')).toBe(0);
});

it('at its start can be stopped, with the process that checks it', async () => {
  const directory = await left();
  const server = new Server(directory);
  const pid = await trialOf(server.pid);
  process.kill(pid, 'SIGSTOP');
  await server.says('checking');
  expect(await server.end('SIGTERM')).toBe(0);
  expect(server.said).toContain('stopped during the check of the data');
  await expect.poll(() => runs(pid)).toBe(false);
  expect(existsSync(join(directory, 'not-closed'))).toBe(true);
});

it('at its start ends where the check finds damage, and says which', async () => {
  const directory = await left();
  const path = join(directory, 'data.mdb');
  const bytes = readFileSync(path);
  const pageBytes = bytes.readUInt32LE(48);
  for (let at = 2 * pageBytes; at < bytes.length; at += pageBytes) bytes.fill(0xa5, at, at + 64);
  writeFileSync(path, bytes);
  const server = new Server(directory);
  expect(await server.end()).toBe(2);
  expect(server.said).toMatch(
    /data\.mdb is damaged \(page \d+ is another one\): restore a backup into a new directory \[store\.damaged\]/,
  );
});

it('that another program wrote to answers that until it is found whole', async () => {
  const directory = await left();
  const server = new Server(directory);
  await server.says('listens on');
  utimesSync(join(directory, 'data.mdb'), new Date(0), new Date(0));
  const trial = trialOf(server.pid).then((pid) => process.kill(pid, 'SIGSTOP') && pid);
  const waits = unavailable('is being checked, because another program wrote to it');
  expect(await server.get('/api/machines')).toEqual(waits);
  const pid = await trial;
  expect(await server.get('/api/ready')).toEqual(waits);
  expect(await server.get('/api/health')).toEqual(alive);
  process.kill(pid, 'SIGCONT');
  await expect.poll(async () => (await server.get('/api/ready')).status).toBe(200);
  expect((await server.get('/api/machines')).status).toBe(200);
  expect(await server.end('SIGTERM')).toBe(0);
});

it('that another program wrote to waits for the check at its end, and writes everything', async () => {
  const directory = await left();
  const server = new Server(directory);
  await server.says('listens on');
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ machine_id: machine(1).id });
  await fetch(`${server.url}/api/agent/heartbeat`, { method: 'POST', headers, body });
  const trial = trialOf(server.pid).then((pid) => process.kill(pid, 'SIGSTOP') && pid);
  utimesSync(join(directory, 'data.mdb'), new Date(0), new Date(0));
  expect((await server.get('/api/ready')).status).toBe(503);
  const pid = await trial;
  const ended = server.end('SIGTERM');
  await expect.poll(() => fetch(server.url).catch(() => 'closed')).toBe('closed');
  process.kill(pid, 'SIGCONT');
  expect(await ended).toBe(0);
  expect(server.said).toContain('everything is written');
  const store = await openStore(`lmdb:${directory}`);
  const found = await store.machines.get(machine(1).id);
  expect(found?.value.status.last_seen).not.toBe(machine(1).status.last_seen);
  await store.close();
});
