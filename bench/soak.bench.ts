// Runs an agent for three minutes behind a proxy that spoils every third request, each time in another way,
// and compares its memory at the end with that after a minute. BENCH_SECONDS sets the time (180).
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchRecords } from '../src/simulation/verify.ts';
import { faults, startFaultProxy } from '../test/transport/fault-proxy.ts';
import { processFigures, ServerProcess } from './load/server-process.ts';

const program = join(import.meta.dirname, '../dist/bin/dragonfly-agent.js');
if (!existsSync(program)) {
  console.error('there is no dist/bin/dragonfly-agent.js: run npm run build first');
  process.exit(2);
}
const seconds = Number(process.env['BENCH_SECONDS'] ?? 180);
// Those that keep an agent waiting for its deadline of half a minute are left to the tests.
const quick = Object.entries(faults).filter(([name]) => !/half-open|trickles|too late/.test(name));
let count = 0;
const server = await ServerProcess.start();
const proxy = await startFaultProxy(
  server.url,
  (exchange) => {
    const fault = quick[count++ % quick.length];
    return fault === undefined ? Promise.resolve() : fault[1](exchange);
  },
  (request) => request % 3 === 1,
);
const state = mkdtempSync(join(tmpdir(), 'bench-soak-'));
const agent = spawn(
  process.execPath,
  [program, 'run', '--server', proxy.url, '--interval', '1', '--state-dir', state],
  { stdio: 'ignore' },
);
const samples: number[] = [];
for (let i = 0; i < seconds; i++) {
  await new Promise((resolve) => {
    setTimeout(resolve, 1_000);
  });
  samples.push(processFigures(agent.pid ?? 0).rssKb);
}
const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const third = Math.floor(seconds / 3);
const early = median(samples.slice(third - Math.floor(third / 2), third));
const late = median(samples.slice(-Math.floor(third / 2)));
const records = await fetchRecords(server.url, undefined);
console.log(
  `RSS in the last half minute: ${(late / early).toFixed(3)} × that at the end of the first minute, ` +
    `${(early / 1024).toFixed(1)} MB, with ${proxy.met()} faults met (target: flat, at most 1.05)`,
);
console.log(`records ${records.length} (target: exactly 1), alive: ${agent.exitCode === null}`);
const isGood = late / early <= 1.05 && records.length === 1 && agent.exitCode === null;
agent.kill();
await proxy.close();
await server.remove();
rmSync(state, { recursive: true });
process.exit(isGood ? 0 : 1);
