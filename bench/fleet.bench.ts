// Measures a fleet that powers on all at once, against the same check-ins one after another, and again with
// the server killed and restarted half-way. BENCH_MACHINES sets its size (10,000).
import { HttpTransport } from '../src/transport/transport.ts';
import { Fleet } from '../src/simulation/fleet.ts';
import { SimulatedMachine } from '../src/simulation/machine.ts';
import { differences, fetchRecords } from '../src/simulation/verify.ts';
import { collectInventory } from '../src/inventory/inventory.ts';
import { systemClock } from '../src/core/clock.ts';
import { ServerProcess } from './server-process.ts';

const machines = Number(process.env['BENCH_MACHINES'] ?? 10_000);
const model = await collectInventory();
const signal = new AbortController().signal;

/** Chance that repeats: the benchmark's fleets are the same in each run. */
function chance(): () => number {
  let state = 7;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

/** The time of all check-ins, one after another over one connection. Units: milliseconds. */
async function oneAfterAnother(): Promise<number> {
  const server = await ServerProcess.start();
  const transport = new HttpTransport(server.url, { clock: systemClock });
  const draw = chance();
  const startedMs = performance.now();
  for (let i = 0; i < machines; i++) {
    const request = await new SimulatedMachine(`one-${i}`, model, draw).describe();
    await transport.checkIn({ ...request, boot_id: `${i}`, sequence: 1 }, { signal });
  }
  const tookMs = performance.now() - startedMs;
  await transport.close();
  await server.remove();
  return tookMs;
}

/** A fleet powered on at once; `whenHalf` is called when half of it is registered. */
async function allAtOnce(whenHalf: (server: ServerProcess) => Promise<void>) {
  const server = await ServerProcess.start();
  let half: Promise<void> | undefined;
  const fleet = new Fleet({
    server: server.url,
    machines,
    rounds: 0,
    rates: { reboots: 0, nicSwaps: 0, reimages: 0, clones: 0, twins: 0 },
    models: [model],
    clock: systemClock,
    draw: chance(),
    signal,
    onProgress: ({ done, of }) => {
      if (done >= of / 2) half ??= whenHalf(server);
    },
  });
  await fleet.powerOn();
  await half;
  await fleet.powerOff();
  const records = await fetchRecords(server.url, undefined);
  await server.remove();
  const waits = fleet.waitsMs.toSorted((a, b) => a - b);
  return {
    longestMs: waits.at(-1) ?? 0,
    medianMs: waits[Math.floor(waits.length / 2)] ?? 0,
    retries: fleet.counts.failures,
    records: records.length,
    wrong: differences(fleet.machines, records).length + fleet.idChanges.length,
  };
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const sequentialMs = await oneAfterAnother();
console.log(`${machines} check-ins one after another: ${seconds(sequentialMs)}`);

const cases = {
  'all at once': async () => {},
  'all at once, server killed at half and restarted': async (server: ServerProcess) => {
    await server.kill();
    await server.restart();
  },
};
let isGood = true;
for (const [name, whenHalf] of Object.entries(cases)) {
  const { longestMs, medianMs, retries, records, wrong } = await allAtOnce(whenHalf);
  const ratio = longestMs / sequentialMs;
  console.log(
    `${name}: longest wait ${seconds(longestMs)} (median ${seconds(medianMs)}, ${retries} retries), ` +
      `${ratio.toFixed(2)} × one after another (target: at most 3)`,
  );
  console.log(`  records ${records} (target: exactly ${machines}), wrong ${wrong} (target: 0)`);
  isGood &&= records === machines && wrong === 0 && ratio <= 3;
}
process.exit(isGood ? 0 : 1);
