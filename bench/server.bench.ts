// Measures the server against what it is built from: heartbeats against a bare fastify route, check-ins of new machines
// against a bare route that puts a ready record in a process of its own, the first page of 100,000 machines against that
// of 1,000. With DRAGONFLY_BENCH_BEFORE, the directory of another version's sources, check-ins of known machines are
// compared with it.
import { post, type Message } from './load/client.ts';
import { compare, median } from './load/compare.ts';
import { LoadedServer, paths } from './load/server.ts';
import { benchRequest } from './load/store-machines.ts';

const turns = 9;
/** Check-ins in a turn. */
const count = 1000;
/** The machines of a large fleet. */
const fleet = 100_000;
const before = process.env['DRAGONFLY_BENCH_BEFORE'];

const server = await LoadedServer.start();
try {
  await server.fill(0, 1000);
  const few = await firstPageMs(server.ports.server);
  await heartbeats();
  await newMachines({ first: 400_000, others: 1000 });
  if (before !== undefined) await knownMachines(before);
  await server.fill(200_000, fleet);
  const many = await firstPageMs(server.ports.server);
  console.log(
    `first page of 100: ${few.toFixed(1)} ms at 1,000 machines, ${many.toFixed(1)} ms at over 100,000: ` +
      `${(many / few).toFixed(2)} × (aim: at most 1.2 ×)`,
  );
  // The first token ends the time in which nobody needs one.
  const tokens = '/api/tokens';
  const port = server.ports.server;
  const operator = await post(port, tokens, { body: { name: 'operator', scope: 'full' } });
  const rack = { body: { name: 'rack', scope: 'enrol' }, token: operator['token'] };
  const { token } = await post(port, tokens, rack);
  await heartbeats(token);
  await newMachines({ first: 600_000, others: fleet, enrolment: token });
} finally {
  await server.end();
}

/** `enrolment`: the token that agents register with; without one nobody needs any. */
async function heartbeats(enrolment?: string): Promise<void> {
  const beats: Message[] = [];
  for (let n = 100_000; n < 100_500; n++) {
    const body = benchRequest(n);
    const { machine_id, token } = await post(server.ports.server, paths.checkin, {
      body,
      token: enrolment,
    });
    const { boot_id } = body;
    beats.push({ body: { machine_id, boot_id, sequence: 2, uptime_seconds: 1234.5 }, token });
  }
  const beat = (i: number): Message => beats[i % beats.length] ?? { body: {} };
  await compare(
    {
      what: `heartbeats${withTokens(enrolment)}`,
      peer: 'a bare fastify route',
      cpu: { least: enrolment === undefined ? 0.85 : 0.8 },
      turns,
    },
    () => server.load('server', paths.heartbeat, beat, 5000),
    () => server.load('bare', paths.heartbeat, beat, 5000),
  );
}

interface NewMachines {
  /** The number of the first one. */
  readonly first: number;
  /** The machines that the server has already. */
  readonly others: number;
  readonly enrolment?: string | undefined;
}

async function newMachines({ first, others, enrolment }: NewMachines): Promise<void> {
  const hello = (turn: number, side: number) => (i: number) => ({
    body: benchRequest(first + (2 * turn + side) * count + i),
    token: enrolment,
  });
  // In one process the one side would collect the garbage of the other, which swung the ratio by half.
  const bare = await LoadedServer.start();
  try {
    // A put into a larger store writes more pages.
    await bare.fill(200_000, others);
    await compare(
      {
        what: `durable check-ins of new machines${withTokens(enrolment)}`,
        peer: 'a bare fastify route that puts a ready record',
        cpu: { least: 0.65 },
        turns,
      },
      (turn) => server.load('server', paths.checkin, hello(turn, 0), count),
      async (turn) => {
        await bare.makeReady(first + (2 * turn + 1) * count, count);
        return bare.load('bare', paths.put, hello(turn, 1), count);
      },
    );
  } finally {
    await bare.end();
  }
}

/** The same check-ins of the same machines at this version and at another one. */
async function knownMachines(root: string): Promise<void> {
  const other = await LoadedServer.start(root);
  const hello = (sequence: number, more: object) => (i: number) => ({
    body: { ...benchRequest(i), sequence, ...more },
  });
  try {
    for (const each of [server, other])
      await each.load('server', paths.checkin, hello(1, {}), count);
    const sides = async (what: string, most: number, more: (turn: number) => object) => {
      const load = (each: LoadedServer) => (turn: number) =>
        each.load('server', paths.checkin, hello(turn + 2, more(turn)), count);
      const peer = `those of the version in ${root}`;
      await compare({ what, peer, cpu: { most }, turns }, load(server), load(other));
    };
    await sides('check-ins of known machines that change nothing', 0.65, () => ({}));
    await sides('check-ins of known machines that change something', 0.6, (turn) => ({
      memory_bytes: 1e9 + turn,
      sequence: 100 + turn,
    }));
  } finally {
    await other.end();
  }
}

function withTokens(enrolment: string | undefined): string {
  return enrolment === undefined ? '' : ' with tokens';
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
  return median(times);
}
