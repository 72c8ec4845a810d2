// Measures what the store costs over bare lmdb and bare etcd Txns, and a large fleet over a small one.
// DRAGONFLY_BENCH_MACHINES=1000000 is the large fleet of the goals; it takes minutes.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { open } from 'lmdb';
import type { Machine } from '../src/model/machine.ts';
import { storeOver } from '../src/store/kv-store.ts';
import { openKv } from '../src/store/open.ts';
import { indexKeys, kinds, recordKey } from '../src/store/collections/kinds.ts';
import type { Store } from '../src/store/store.ts';
import { withCallers } from './load/callers.ts';
import { compare, type Part } from './load/compare.ts';
import { benchMachine } from './load/store-machines.ts';

const callers = 64;
const large = Number(process.env['DRAGONFLY_BENCH_MACHINES'] ?? 50_000);
const small = 10_000;
const directory = mkdtempSync(join(tmpdir(), 'dragonfly-bench-'));

if (process.argv[2] === 'fleet') {
  await measureFleet(process.argv[3] ?? '', Number(process.argv[4]));
} else {
  try {
    await embedded();
    fleets();
    await etcd();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The operations with 64 of them under way at any time. */
async function timed(operations: number, operate: (n: number) => Promise<unknown>): Promise<Part> {
  const [startMs, before] = [performance.now(), process.cpuUsage()];
  await withCallers(callers, operations, operate);
  const { user, system } = process.cpuUsage(before);
  return { count: operations, ms: performance.now() - startMs, cpuMs: (user + system) / 1000 };
}

async function embedded(): Promise<void> {
  const operations = 3000;
  const list = Array.from({ length: operations }, (_, n) => benchMachine(n));
  const entries = list.map(entriesOf);
  console.log(
    `a machine: ${entries[0]?.value.length ?? 0} bytes, ${entries[0]?.index.length ?? 0} index entries`,
  );
  const ours = async (turn: number): Promise<Part> => {
    const path = `${directory}/ours-${turn}`;
    const store = storeOver(await openKv(`lmdb:${path}`));
    const part = await timed(operations, (n) => store.machines.put(at(list, n), 'absent'));
    await store.close();
    rmSync(path, { recursive: true });
    return part;
  };
  const bare =
    (entry: (n: number) => Entries) =>
    async (turn: number): Promise<Part> => {
      const path = `${directory}/bare-${turn}`;
      const db = open<string, string>({
        path,
        noSubdir: false,
        encoding: 'string',
        overlappingSync: false,
      });
      const part = await timed(operations, (n) => {
        const { key, value, index } = entry(n);
        return Promise.all([db.put(key, value), ...index.map((k) => db.put(k, ''))]);
      });
      await db.close();
      rmSync(path, { recursive: true });
      return part;
    };
  const what = 'LMDB, durable creation of a machine';
  await compare(
    {
      what,
      peer: 'puts by bare lmdb of the text and the keys that each makes of its machine',
      rate: { least: 1.1 },
      cpu: { least: 1.1 },
      turns: 7,
    },
    ours,
    bare((n) => entriesOf(at(list, n))),
  );
  await compare(
    {
      what,
      peer: 'puts by bare lmdb of texts and keys made before',
      cpu: { least: 0.65 },
      turns: 7,
    },
    ours,
    bare((n) => at(entries, n)),
  );
}

interface Entries {
  readonly key: string;
  readonly value: string;
  readonly index: readonly string[];
}

function entriesOf(machine: Machine): Entries {
  return {
    key: recordKey(kinds.machines, machine.id),
    value: JSON.stringify(machine),
    index: indexKeys(kinds.machines, machine),
  };
}

function at<T>(list: readonly T[], n: number): T {
  const item = list[n];
  if (item === undefined) throw new RangeError(`no item ${n}`);
  return item;
}

interface Fleet {
  readonly openMs: number;
  readonly anonymousMb: number;
  readonly microseconds: Readonly<Record<string, number>>;
}

/** Each fleet is filled by one process and measured by others, which start with nothing in memory. */
function fleets(): void {
  const fleet = (machines: number, ...more: string[]): string => {
    const args = [import.meta.filename, 'fleet', join(directory, `fleet-${machines}`)];
    const run = spawnSync(process.execPath, [...args, String(machines), ...more], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return run.stdout.toString();
  };
  for (const machines of [small, large]) fleet(machines, 'fill');
  // In turns and the best of each, because other work on the machine only ever makes it slower.
  const measure = (machines: number, round: number): Fleet =>
    // Printed by measureFleet below.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    JSON.parse(fleet(machines, String(round))) as Fleet;
  const rounds = [0, 1, 2].map((n) => ({ few: measure(small, n), many: measure(large, n) }));
  const best = (read: (round: (typeof rounds)[number]) => number | undefined): number =>
    Math.min(...rounds.map((round) => read(round) ?? Infinity));
  for (const what of Object.keys(rounds[0]?.many.microseconds ?? {})) {
    const cost = best(({ many }) => many.microseconds[what]);
    const before = best(({ few }) => few.microseconds[what]);
    console.log(
      `LMDB, ${what}: ${(cost / before).toFixed(2)} at ${large} machines over ${small} ` +
        `(${cost.toFixed(0)} to ${before.toFixed(0)} µs of CPU; goal at 1000000: at most 1.5)`,
    );
  }
  const openMs = best(({ many }) => many.openMs);
  const anonymousMb = Math.max(...rounds.map(({ many }) => many.anonymousMb));
  console.log(
    `LMDB, opening ${large} machines: ${openMs.toFixed(0)} ms (goal at 1000000: at most 500); ` +
      `RssAnon afterwards: ${anonymousMb.toFixed(0)} MB (goal: at most 250)`,
  );
}

async function measureFleet(path: string, machines: number): Promise<void> {
  if (process.argv[5] === 'fill') {
    await fill(path, machines);
    return;
  }
  const startedAt = performance.now();
  const store = storeOver(await openKv(`lmdb:${path}`));
  const openMs = performance.now() - startedAt;
  const anonymousMb = await use(store, machines);
  const any = (): Machine => benchMachine(Math.floor(Math.random() * machines));
  const drawn = Array.from({ length: 4000 }, any);
  const created = Array.from({ length: 2000 }, (_, n) =>
    benchMachine(machines + Number(process.argv[5]) * 2000 + n),
  );
  // CPU time: on a machine that does other things as well, only that is the operation's own.
  const cost = async (operations: number, operate: (n: number) => Promise<unknown>) => {
    const before = process.cpuUsage();
    await withCallers(callers, operations, operate);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / operations;
  };
  // The first pass brings the pages in that are used all the time.
  await cost(drawn.length, (n) => store.machines.get(at(drawn, n).id));
  const microseconds = {
    'get by id': await cost(drawn.length, (n) => store.machines.get(at(drawn, n).id)),
    'get by MAC': await cost(drawn.length, (n) =>
      store.machines.byMac(at(drawn, n).identity.primary_mac),
    ),
    'a page of 100': await cost(200, (n) => store.machines.list({ from: at(drawn, n).id })),
    'change of state': await cost(2000, async (n) => {
      const machine = structuredClone(at(drawn, n));
      machine.status.state = 'Ready';
      await store.machines.put(machine);
    }),
    creation: await cost(created.length, (n) => store.machines.put(at(created, n), 'absent')),
  };
  await store.close();
  console.log(JSON.stringify({ openMs, anonymousMb, microseconds } satisfies Fleet));
}

/** The anonymous memory of a server that does some of everything, without the benchmark's own. */
async function use(store: Store, machines: number): Promise<number> {
  await withCallers(callers, 3000, async () => {
    const n = Math.floor(Math.random() * machines);
    const found = await store.machines.get(benchMachine(n).id);
    if (found === undefined || n % 3 > 0) return;
    found.value.status.state = 'Ready';
    await store.machines.put(found.value);
  });
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

async function fill(path: string, machines: number): Promise<void> {
  const kv = await openKv(`lmdb:${path}`);
  for (let n = 0; n < machines; n += 500) {
    const some = Array.from({ length: Math.min(500, machines - n) }, (_, i) => benchMachine(n + i));
    await kv.commit(
      [],
      some.flatMap((m) => [
        { key: recordKey(kinds.machines, m.id), value: JSON.stringify(m) },
        ...indexKeys(kinds.machines, m).map((key) => ({ key, value: '' })),
      ]),
    );
  }
  await kv.close();
}

async function etcd(): Promise<void> {
  const url = 'http://127.0.0.1:23917';
  const data = join(directory, 'etcd');
  const flags = `--data-dir ${data} --listen-client-urls ${url} --advertise-client-urls ${url}`;
  const others = '--listen-peer-urls http://127.0.0.1:23918 --logger zap --log-level fatal';
  const server = spawn('etcd', `${flags} ${others}`.split(' '), { stdio: 'ignore' });
  const failed = once(server, 'error').then(() => true);
  if (await Promise.race([failed, sleep(2000).then(() => false)])) {
    console.log('etcd: not measured, it is not installed (Debian: etcd-server)');
    return;
  }
  try {
    const operations = 500;
    const kv = await openKv(`etcd:${url}`);
    const store = storeOver(kv);
    const base = (turn: number, side: number) => (2 * turn + side) * operations;
    await compare(
      {
        what: 'etcd, creation of a machine',
        peer: 'bare Txns of the same shape through the same client',
        rate: { least: 0.85 },
        cpu: { least: 0.85 },
        turns: 7,
      },
      (turn) =>
        timed(operations, (n) => store.machines.put(benchMachine(base(turn, 0) + n), 'absent')),
      (turn) =>
        timed(operations, (n) => {
          const { key, value, index } = entriesOf(benchMachine(base(turn, 1) + n));
          const entries = [{ key, value }, ...index.map((k) => ({ key: k, value: '' }))];
          return kv.commit([{ key, revision: 0 }], entries);
        }),
    );
    await store.close();
  } finally {
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }
}
