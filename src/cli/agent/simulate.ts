// `dragonfly-agent simulate`: a fleet of simulated machines against a server, and whether its records
// are the truth in the end.
import { isLoopback } from '../../transport/proxy.ts';
import { AppError } from '../../core/errors.ts';
import { systemClock } from '../../core/clock.ts';
import type { Fleet, FleetOptions } from '../../simulation/fleet.ts';
import type { Inventory } from '../../model/inventory.ts';
import { optionText } from './agent-settings.ts';
import type { Args, Command } from '../command.ts';
import { ProgressBar } from '../text/progress.ts';

/** The `simulate` command of the agent. Exit code 1: the server's records are not the truth. */
export const simulate: Command = {
  name: 'simulate',
  describe: 'run a fleet of simulated machines against a server and check its records',
  options: {
    server: { type: 'string', default: 'http://127.0.0.1:3000', describe: 'address of the server' },
    machines: { type: 'number', default: 100, describe: 'how many, at most 20000' },
    rounds: { type: 'number', default: 1, describe: 'rounds of mishaps after all are registered' },
    reboots: { type: 'number', default: 20, describe: 'of 100 machines, how many reboot a round' },
    'nic-swaps': { type: 'number', default: 5, describe: 'how many get another NIC' },
    reimages: { type: 'number', default: 5, describe: 'how many are installed anew' },
    clones: { type: 'number', default: 2, describe: 'how many have their disk cloned' },
    twins: { type: 'number', default: 1, describe: 'how many are copied with their SMBIOS UUID' },
    seconds: { type: 'number', default: 600, describe: 'the longest that it may take' },
    seed: { type: 'number', default: 0, describe: 'same seed, same fleet; 0: a new one each time' },
    fixtures: { type: 'string', describe: 'directory of captured machines to copy' },
    token: { type: 'string', describe: 'token to check in and to read the records with' },
    'allow-remote': { type: 'boolean', describe: 'allow a server on another machine' },
    json: { type: 'boolean', describe: 'print the report as JSON' },
  },
  async run(args, io) {
    const { Fleet: FleetClass } = await import('../../simulation/fleet.ts');
    const tooLong = AbortSignal.timeout(number(args, 'seconds', 1, 86_400) * 1_000);
    const bar = new ProgressBar(io.stderr);
    const fleet = new FleetClass({
      ...fleetOptions(args),
      models: await readModels(optionText(args, 'fixtures')),
      signal: AbortSignal.any([io.signal, tooLong]),
      onProgress: ({ step, done, of }) => bar.update(step, done, of),
    });
    const report = await simulateFleet(fleet, args);
    io.stdout.write(
      args['json'] === true ? `${JSON.stringify(report, null, 2)}\n` : asText(report),
    );
    return report.differences.length === 0 ? 0 : 1;
  },
};

interface Report {
  machines: number;
  records: number;
  seconds: number;
  wait_ms: { median: number; p99: number; max: number };
  counts: Fleet['counts'];
  differences: string[];
}

async function simulateFleet(fleet: Fleet, args: Args): Promise<Report> {
  const startedMs = systemClock.elapsedMs();
  try {
    await fleet.powerOn();
    for (let i = 1; i <= number(args, 'rounds', 0, 1_000); i++) await fleet.round(i);
  } finally {
    await fleet.powerOff();
  }
  const { differences, fetchRecords } = await import('../../simulation/verify.ts');
  const records = await fetchRecords(serverOf(args), optionText(args, 'token'));
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
  const lines = [
    `machines       ${report.machines}, of them clones ${counts.clones}, twins ${counts.twins}`,
    `records        ${report.records} on the server`,
    `registered in  median ${median} ms, 99 % ${p99} ms, slowest ${max} ms`,
    `mishaps        ${counts.reboots} reboots, ${counts.nicSwaps} NIC swaps, ${counts.reimages} re-images`,
    `requests       ${counts.checkins} check-ins, ${counts.heartbeats} heartbeats, ${counts.failures} failures retried`,
    `took           ${report.seconds} s`,
    '',
    report.differences.length === 0
      ? 'The records are the truth: each machine has one, its own, that says what it is.'
      : `The records differ from the truth in ${report.differences.length} places:`,
    ...report.differences.slice(0, 20).map((difference) => `  ${difference}`),
  ];
  return `${lines.join('\n')}\n`;
}

function fleetOptions(args: Args): Omit<FleetOptions, 'models' | 'signal'> {
  const percent = (name: string): number => number(args, name, 0, 100);
  return {
    server: serverOf(args),
    token: optionText(args, 'token'),
    machines: number(args, 'machines', 1, 20_000),
    rounds: number(args, 'rounds', 0, 1_000),
    rates: {
      reboots: percent('reboots'),
      nicSwaps: percent('nic-swaps'),
      reimages: percent('reimages'),
      clones: percent('clones'),
      twins: percent('twins'),
    },
    clock: systemClock,
    draw: seeded(number(args, 'seed', 0, 0xffff_ffff)),
  };
}

/** A simulation fills a server with machines that do not exist: by mistake only one's own. */
function serverOf(args: Args): string {
  const text = String(args['server']);
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new AppError('usage.invalid', `--server ${text} is not an http:// or https:// address`);
  }
  if (!isLoopback(url.href) && args['allow-remote'] !== true) {
    throw new AppError(
      'usage.invalid',
      `${url.origin} is on another machine, and would be filled with machines that do not exist; add --allow-remote to do so`,
    );
  }
  return url.href;
}

function number(args: Args, name: string, min: number, max: number): number {
  const value = Number(args[name]);
  if (value >= min && value <= max) return value;
  throw new AppError('usage.invalid', `--${name} has to be from ${min} to ${max}`);
}

/** The inventories of captured machines; without any, that of this host. */
async function readModels(dir: string | undefined): Promise<Inventory[]> {
  const { collectInventory } = await import('../../inventory/inventory.ts');
  if (dir === undefined) return [await collectInventory()];
  const { readdir } = await import('node:fs/promises');
  const names = await readdir(dir).catch((err: unknown) => {
    throw new AppError('usage.invalid', `cannot read --fixtures ${dir}`, { cause: err });
  });
  const models: Inventory[] = [];
  for (const name of names.toSorted()) models.push(await collectInventory(`${dir}/${name}/root`));
  if (models.length === 0) {
    throw new AppError('usage.invalid', `there is no captured machine in --fixtures ${dir}`);
  }
  return models;
}

/** Chance that a seed repeats: mulberry32. Seed 0 takes one from the system. */
function seeded(seed: number): () => number {
  let state = seed === 0 ? Math.floor(Math.random() * 0x1_0000_0000) : seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
