// `dragonfly-simulate`: runs a simulated fleet against a server and compares the server's records with the
// truth.
import { isLoopback } from '../transport/proxy.ts';
import { AppError } from '../core/errors.ts';
import { systemClock } from '../core/clock.ts';
import type { Fleet } from '../simulation/fleet.ts';
import type { Inventory } from '../model/inventory.ts';
import { command, type Program } from './command.ts';
import { asData, formatOptions } from './formats.ts';
import { ProgressBar } from './text/progress.ts';
import { version } from './version.ts';

const percent = { type: 'number', range: [0, 100] } as const;

/** Exit code 1: the server's records differ from the truth. */
const simulate = command({
  name: 'simulate',
  describe: 'run a fleet of simulated machines against a server and check its records',
  examples: ['--machines 100 --server http://127.0.0.1:3000', '--machines 20 --seed 7 --json'],
  options: {
    server: {
      type: 'string',
      value: 'URL',
      default: 'http://127.0.0.1:3000',
      describe: 'address of the server',
    },
    machines: {
      type: 'number',
      default: 100,
      range: [1, 20_000],
      describe: 'how many, at most 20000',
    },
    rounds: {
      type: 'number',
      default: 1,
      range: [0, 1_000],
      describe: 'rounds of mishaps after all are registered',
    },
    reboots: {
      ...percent,
      default: 20,
      describe: 'of 100 machines, how many reboot in each round',
    },
    'nic-swaps': { ...percent, default: 5, describe: 'how many get another NIC' },
    reimages: { ...percent, default: 5, describe: 'how many are installed anew' },
    clones: { ...percent, default: 2, describe: 'how many have their disk cloned' },
    twins: { ...percent, default: 1, describe: 'how many are copied with their SMBIOS UUID' },
    seconds: {
      type: 'number',
      default: 600,
      range: [1, 86_400],
      describe: 'the longest time it may take, in seconds',
    },
    seed: {
      type: 'number',
      default: 0,
      range: [0, 0xffff_ffff],
      describe: 'same seed, same fleet; 0: a new one each time',
    },
    fixtures: { type: 'string', value: 'DIR', describe: 'captured machines to copy' },
    token: { type: 'string', describe: 'token to check in and to read the records with' },
    'allow-remote': { type: 'boolean', describe: 'allow a server on another machine' },
    ...formatOptions,
  },
  async run(args, io) {
    const { Fleet: FleetClass } = await import('../simulation/fleet.ts');
    const { token, machines, rounds, reboots, reimages, clones, twins } = args;
    const server = serverUrl(args.server, args['allow-remote']);
    await (await import('../simulation/verify.ts')).requireServer(server, token);
    const late = new AppError(
      'wait.timeout',
      `the fleet was not done within ${args.seconds} s; allow more with --seconds`,
    );
    const tooLong = new AbortController();
    const timer = setTimeout(() => tooLong.abort(late), args.seconds * 1_000).unref();
    const bar = new ProgressBar(io.stderr);
    const fleet = new FleetClass({
      server,
      token,
      machines,
      rounds,
      rates: { reboots, nicSwaps: args['nic-swaps'], reimages, clones, twins },
      clock: systemClock,
      draw: seeded(args.seed),
      models: await readModels(args.fixtures),
      signal: AbortSignal.any([io.signal, tooLong.signal]),
      onProgress: ({ step, done, of }) => bar.update(step, done, of),
    });
    const report = await simulateFleet(fleet, { server, token, rounds });
    clearTimeout(timer);
    io.print((await asData(args, report)) ?? asText(report));
    return report.differences.length === 0 ? 0 : 1;
  },
});

interface Report {
  machines: number;
  records: number;
  seconds: number;
  wait_ms: { median: number; p99: number; max: number };
  counts: Fleet['counts'];
  differences: string[];
}

async function simulateFleet(
  fleet: Fleet,
  { server, token, rounds }: { server: string; token: string | undefined; rounds: number },
): Promise<Report> {
  const startedMs = systemClock.elapsedMs();
  try {
    await fleet.powerOn();
    for (let i = 1; i <= rounds; i++) await fleet.round(i);
  } finally {
    await fleet.powerOff();
  }
  const { differences, fetchRecords } = await import('../simulation/verify.ts');
  const records = await fetchRecords(server, token);
  const waits = fleet.waitsMs.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(waits[Math.ceil(waits.length * share) - 1] ?? 0);
  return {
    machines: fleet.machines.length,
    records: records.length,
    seconds: Math.round((systemClock.elapsedMs() - startedMs) / 100) / 10,
    wait_ms: { median: at(0.5), p99: at(0.99), max: at(1) },
    counts: fleet.counts,
    differences: [...fleet.idChanges, ...differences(fleet.machines, records)],
  };
}

function asText({ counts, ...report }: Report): string {
  const { median, p99, max } = report.wait_ms;
  const wrong = report.differences.length;
  const lines = [
    `machines       ${report.machines}, of them clones ${counts.clones}, twins ${counts.twins}`,
    `records        ${report.records} on the server`,
    `registered in  median ${median} ms, 99 % ${p99} ms, slowest ${max} ms`,
    `mishaps        ${counts.reboots} reboots, ${counts.nicSwaps} NIC swaps, ${counts.reimages} re-images`,
    `requests       ${counts.checkins} check-ins, ${counts.heartbeats} heartbeats, ${counts.failures} failures retried`,
    `took           ${report.seconds} s`,
    '',
    wrong === 0
      ? 'The records are the truth: each machine has one, its own, that says what it is.'
      : `The records differ from the truth in ${wrong} ${wrong === 1 ? 'place' : 'places'}:`,
    ...report.differences.slice(0, 20).map((difference) => `  ${difference}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Refuses a remote server unless allowed: a simulation fills it with machines that do not exist. */
function serverUrl(text: string, allowRemote: boolean): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new AppError('usage.invalid', `--server ${text} is not an http:// or https:// address`);
  }
  if (!isLoopback(url.href) && !allowRemote) {
    throw new AppError(
      'usage.invalid',
      `${url.origin} is on another machine and would be filled with machines that do not exist; add --allow-remote to do so`,
    );
  }
  return url.href;
}

/** The inventories of captured machines, or of this host if no directory is given. */
export async function readModels(dir: string | undefined): Promise<Inventory[]> {
  const { collectInventory } = await import('../inventory/inventory.ts');
  if (dir === undefined) return [await collectInventory()];
  const { readdir } = await import('node:fs/promises');
  const names = await readdir(dir).catch((err: unknown) => {
    throw new AppError('usage.invalid', `cannot read --fixtures ${dir}`, { cause: err });
  });
  const models: Inventory[] = [];
  for (const name of names.toSorted()) models.push(await collectInventory(`${dir}/${name}/root`));
  if (models.length === 0) {
    throw new AppError('usage.invalid', `no captured machines in --fixtures ${dir}`);
  }
  return models;
}

/** A repeatable random generator (mulberry32). Seed 0 draws a seed. */
export function seeded(seed: number): () => number {
  let state = seed === 0 ? Math.floor(Math.random() * 0x1_0000_0000) : seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

export const simulateProgram: Program = {
  name: 'dragonfly-simulate',
  describe: 'simulates a fleet of machines, to test a server with',
  version,
  defaultCommand: simulate,
  commands: [],
};
