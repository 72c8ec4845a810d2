// Measures the server against what it is built from: heartbeats against a bare fastify route, durable
// check-ins against puts of the same records, the first page of 100,000 machines against that of 1,000.
// The server runs in a process of its own, whose CPU time is compared too: unlike the rate, it does not
// depend on what else this machine is doing.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fastify from 'fastify';
import { systemClock } from '../src/core/clock.ts';
import { createApp } from '../src/server/app.ts';
import { openStore } from '../src/store/open.ts';
import type { Store } from '../src/store/store.ts';
import { benchMachine, benchRequest } from './store-machines.ts';

const connections = 64;
const rounds = 5;
const heartbeatPath = '/api/agent/heartbeat';
const checkinPath = '/api/agent/checkin';

interface Ports {
  readonly bare: number;
  readonly server: number;
}

/** A request to the server's process, which does this and answers with the CPU time it used. */
interface Question {
  readonly putFrom: number;
  readonly count: number;
  readonly callers: number;
}

interface Message {
  readonly body: object;
  readonly token?: string | undefined;
}

interface Part {
  readonly count: number;
  readonly ms: number;
  readonly cpuMs: number;
}

const directory = process.argv[2];
if (directory === undefined) await measure();
else await serve(directory);

async function serve(data: string): Promise<void> {
  const store = await openStore(`lmdb:${data}`);
  const bare = fastify();
  const answer = { action: 'wait', workflow_id: null, heartbeat_interval_seconds: 10 };
  bare.post(heartbeatPath, () => answer);
  const app = await createApp({ store, clock: systemClock });
  const listening = { host: '127.0.0.1', port: 0 };
  const urls = await Promise.all([bare.listen(listening), app.listen(listening)]);
  process.on('message', (question: Question) => {
    void putMany(store, question).then(() => process.send?.(process.cpuUsage()));
  });
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  const [barePort = 0, server = 0] = urls.map((url) => Number(new URL(url).port));
  const ports: Ports = { bare: barePort, server };
  process.send?.(ports);
}

async function putMany(store: Store, { putFrom, count, callers }: Question): Promise<void> {
  let next = putFrom;
  const put = async (): Promise<void> => {
    while (next < putFrom + count) await store.machines.put(benchMachine(next++), 'absent');
  };
  await Promise.all(Array.from({ length: callers }, put));
}

async function measure(): Promise<void> {
  const temporary = mkdtempSync(join(tmpdir(), 'dragonfly-bench-'));
  const child = fork(import.meta.filename, [`${temporary}/data`]);
  try {
    const [ports]: Ports[] = await once(child, 'message');
    if (ports === undefined) throw new Error('the server did not start');
    await ask(child, { putFrom: 0, count: 1000, callers: 512 });
    const few = await firstPageMs(ports.server);
    await heartbeats(child, ports);
    await checkins(child, ports, 400_000);
    await ask(child, { putFrom: 200_000, count: 100_000, callers: 512 });
    const many = await firstPageMs(ports.server);
    console.log(
      `first page of 100: ${few.toFixed(1)} ms at 1,000 machines, ${many.toFixed(1)} ms at over 100,000: ` +
        `${(many / few).toFixed(2)} × (target: at most 3 ×)`,
    );
    // The first token ends the time in which nobody needs one.
    const operator = await call(ports.server, '/api/tokens', { name: 'operator', scope: 'full' });
    const rack = { name: 'rack', scope: 'enrol' };
    const { token } = await call(ports.server, '/api/tokens', rack, operator['token']);
    await heartbeats(child, ports, token);
    await checkins(child, ports, 600_000, token);
  } finally {
    child.disconnect();
    await once(child, 'exit');
    rmSync(temporary, { recursive: true });
  }
}

/** `enrolment`: the token that agents register with; without one nobody needs any. */
async function heartbeats(child: ChildProcess, ports: Ports, enrolment?: string): Promise<void> {
  const beats: Message[] = [];
  for (let n = 100_000; n < 100_500; n++) {
    const request = benchRequest(n);
    const { machine_id, token } = await call(ports.server, checkinPath, request, enrolment);
    const { boot_id } = request;
    beats.push({ body: { machine_id, boot_id, sequence: 2, uptime_seconds: 1234.5 }, token });
  }
  const beat = (i: number): Message => beats[i % beats.length] ?? { body: {} };
  const bare: Part[] = [];
  const server: Part[] = [];
  for (let round = 0; round <= rounds; round++) {
    bare.push(await load(child, ports.bare, heartbeatPath, beat, 10_000));
    server.push(await load(child, ports.server, heartbeatPath, beat, 10_000));
  }
  report(`heartbeats${withTokens(enrolment)}`, 'a bare fastify route', server, bare, 0.6);
}

async function checkins(
  child: ChildProcess,
  ports: Ports,
  first: number,
  enrolment?: string,
): Promise<void> {
  const count = 2000;
  const puts: Part[] = [];
  const server: Part[] = [];
  for (let round = 0; round <= rounds; round++) {
    const putFrom = first + round * count;
    puts.push(
      await timed(child, count, () => ask(child, { putFrom, count, callers: connections })),
    );
    const hello = (i: number): Message => ({
      body: benchRequest(putFrom + 50_000 + i),
      token: enrolment,
    });
    server.push(await load(child, ports.server, checkinPath, hello, count));
  }
  report(`check-ins of new machines${withTokens(enrolment)}`, 'puts of such', server, puts, 0.5);
}

function withTokens(enrolment: string | undefined): string {
  return enrolment === undefined ? '' : ' with tokens';
}

/** The answer to a POST. */
async function call(
  port: number,
  path: string,
  body: object,
  token?: string,
): Promise<Record<string, string>> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST ${path}: ${text}`);
  return JSON.parse(text);
}

/** Prints rates and their ratio without the first round, which warms up. */
function report(what: string, peer: string, ours: Part[], theirs: Part[], target: number): void {
  const sum = (parts: Part[], key: keyof Part): number =>
    parts.slice(1).reduce((total, part) => total + part[key], 0);
  const rate = (parts: Part[]): number => (sum(parts, 'count') / sum(parts, 'ms')) * 1000;
  const cpu = (parts: Part[]): number => (sum(parts, 'cpuMs') / sum(parts, 'count')) * 1000;
  console.log(
    `${what}: ${Math.round(rate(ours))}/s; ${peer}: ${Math.round(rate(theirs))}/s; ` +
      `ratio ${(rate(ours) / rate(theirs)).toFixed(2)} (target: at least ${target})\n` +
      `  by the server's CPU time: ${Math.round(cpu(ours))} and ${Math.round(cpu(theirs))} µs each, ` +
      `ratio ${(cpu(theirs) / cpu(ours)).toFixed(2)}`,
  );
}

async function timed(
  child: ChildProcess,
  count: number,
  work: () => Promise<unknown>,
): Promise<Part> {
  const before = await cpuMs(child);
  const startMs = performance.now();
  await work();
  const ms = performance.now() - startMs;
  return { count, ms, cpuMs: (await cpuMs(child)) - before };
}

async function ask(child: ChildProcess, question: Question): Promise<NodeJS.CpuUsage> {
  child.send(question);
  const [usage]: NodeJS.CpuUsage[] = await once(child, 'message');
  return usage ?? { user: 0, system: 0 };
}

async function cpuMs(child: ChildProcess): Promise<number> {
  const { user, system } = await ask(child, { putFrom: 0, count: 0, callers: 0 });
  return (user + system) / 1000;
}

/** Posts `count` bodies over 64 connections that wait for each answer. A client on bare sockets, so
 *  that it takes little of the machine that it shares with the server. */
async function load(
  child: ChildProcess,
  port: number,
  path: string,
  message: (i: number) => Message,
  count: number,
): Promise<Part> {
  const requests = Array.from({ length: count }, (_, i) => asHttp(path, message(i)));
  let next = 0;
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      const send = (): void => {
        const text = requests[next++];
        if (text === undefined) {
          socket.destroy();
          resolve();
          return;
        }
        socket.write(text);
      };
      // Answers are small and not pipelined: each comes in one piece.
      socket.on('data', (data: Buffer) => {
        if (data.toString('latin1', 9, 12) === '200') send();
        else reject(new Error(data.toString()));
      });
      socket.on('error', reject);
      socket.once('connect', send);
    });
  return timed(child, count, () => Promise.all(Array.from({ length: connections }, one)));
}

function asHttp(path: string, { body, token }: Message): string {
  const text = JSON.stringify(body);
  const authorization = token === undefined ? '' : `authorization: Bearer ${token}\r\n`;
  return `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${authorization}content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
}

/** The median of 50 requests, after 20 that warm up. */
async function firstPageMs(port: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 70; i++) {
    const startMs = performance.now();
    const response = await fetch(`http://127.0.0.1:${port}/api/machines?limit=100`);
    await response.text();
    if (i >= 20) times.push(performance.now() - startMs);
  }
  return times.toSorted((a, b) => a - b)[25] ?? Infinity;
}
