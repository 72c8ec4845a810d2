// Measures a fleet that powers on all at once through TLS with tokens, against the same machines powered on one after
// another, each over a connection of its own; and again with the server killed and restarted half-way.
// BENCH_MACHINES sets its size (10,000).
import { Fleet, type FleetOptions } from '../src/simulation/fleet.ts';
import { differences, fetchRecords } from '../src/simulation/verify.ts';
import { collectInventory } from '../src/inventory/inventory.ts';
import { systemClock } from '../src/core/clock.ts';
import { createToken } from '../src/server/access/tokens.ts';
import { openStore } from '../src/store/open.ts';
import { processFigures, ServerProcess } from './load/server-process.ts';

const machines = Number(process.env['BENCH_MACHINES'] ?? 10_000);
const model = await collectInventory();
const { signal } = new AbortController();

/** Chance that repeats: the benchmark's fleets are the same in each run. */
function chance(): () => number {
  let state = 7;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

interface Powered {
  readonly server: ServerProcess;
  readonly options: FleetOptions;
  readonly reader: string;
  /** The server's CPU time before. */
  readonly beforeMs: number;
}

/** A server with TLS and tokens, and what the fleet that it gets has in common. */
async function start(): Promise<Powered> {
  const tokens = { token: '', reader: '' };
  const server = await ServerProcess.start(async (url) => {
    const store = await openStore(url);
    const make = (name: string, scope: 'enrol' | 'read'): Promise<string> =>
      createToken(store, systemClock, { name, scope, expiresAt: null });
    Object.assign(tokens, {
      token: await make('agents', 'enrol'),
      reader: await make('me', 'read'),
    });
    await store.close();
  }, true);
  const options = {
    server: server.url,
    ca: server.ca,
    token: tokens.token,
    machines,
    rounds: 0,
    rates: { reboots: 0, nicSwaps: 0, reimages: 0, clones: 0, twins: 0 },
    models: [model],
    clock: systemClock,
    draw: chance(),
    signal,
  };
  return { server, options, reader: tokens.reader, beforeMs: processFigures(server.pid).cpuMs };
}

/** The time of all machines, each powered on when the one before is registered, and off then. Units: milliseconds. */
async function oneAfterAnother(): Promise<{ tookMs: number; cpuMs: number }> {
  const { server, options, beforeMs } = await start();
  const startedMs = performance.now();
  for (let i = 0; i < machines; i++) {
    const fleet = new Fleet({ ...options, machines: 1 });
    await fleet.powerOn();
    await fleet.powerOff();
  }
  const tookMs = performance.now() - startedMs;
  const { cpuMs } = processFigures(server.pid);
  await server.remove();
  return { tookMs, cpuMs: cpuMs - beforeMs };
}

/** A fleet powered on at once; `whenHalf` is called when half of it is registered. */
async function allAtOnce(whenHalf: ((server: ServerProcess) => Promise<void>) | undefined) {
  const { server, options, reader, beforeMs } = await start();
  let half: Promise<void> | undefined;
  const fleet = new Fleet({
    ...options,
    onProgress: ({ done, of }) => {
      if (done >= of / 2) half ??= whenHalf?.(server);
    },
  });
  await fleet.powerOn();
  await half;
  const { cpuMs } = processFigures(server.pid);
  await fleet.powerOff();
  const records = await fetchRecords(server.url, reader, { ca: server.ca });
  await server.remove();
  const waits = fleet.waitsMs.toSorted((a, b) => a - b);
  return {
    longestMs: waits.at(-1) ?? 0,
    medianMs: waits[Math.floor(waits.length / 2)] ?? 0,
    // A server that was started anew has another process.
    cpuMs: whenHalf === undefined ? cpuMs - beforeMs : undefined,
    retries: fleet.counts.failures,
    records: records.length,
    wrong: differences(fleet.machines, records).length + fleet.idChanges.length,
  };
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const sequential = await oneAfterAnother();
console.log(
  `${machines} machines one after another: ${seconds(sequential.tookMs)}, ` +
    `${seconds(sequential.cpuMs)} of the server's CPU`,
);

const cases = [
  { name: 'all at once', most: 1.5, whenHalf: undefined },
  {
    name: 'all at once, server killed at half and restarted',
    most: 3,
    whenHalf: async (server: ServerProcess) => {
      await server.kill();
      await server.restart();
    },
  },
];
let isGood = true;
for (const { name, most, whenHalf } of cases) {
  const { longestMs, medianMs, cpuMs, retries, records, wrong } = await allAtOnce(whenHalf);
  const ratio = longestMs / sequential.tookMs;
  console.log(
    `${name}: longest wait ${seconds(longestMs)} (median ${seconds(medianMs)}, ${retries} retries), ` +
      `${ratio.toFixed(2)} × one after another (target: at most ${most})`,
  );
  if (cpuMs !== undefined) console.log(`  ${seconds(cpuMs)} of the server's CPU`);
  console.log(`  records ${records} (target: exactly ${machines}), wrong ${wrong} (target: 0)`);
  isGood &&= records === machines && wrong === 0 && ratio <= most;
}
process.exit(isGood ? 0 : 1);
