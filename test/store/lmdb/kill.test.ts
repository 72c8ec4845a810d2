// Servers and etcd members killed at random while machines check in. Short here; the full figures with
// DRAGONFLY_KILL_ROUNDS=50 and DRAGONFLY_KILL_CHECKINS=10000.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { checkStore, type Finding } from '../../../src/store/check.ts';
import type { Kv } from '../../../src/store/kv/kv.ts';
import { storeOver } from '../../../src/store/kv-store.ts';
import { openKv } from '../../../src/store/open.ts';
import type { Store } from '../../../src/store/store.ts';
import { temporaryDirectory } from '../backends.ts';
import { EtcdCluster, etcdProgram } from '../etcd/etcd-server.ts';
import { checkIn, checkinOf, ServerProcess } from '../server-process.ts';

const rounds = Number(process.env['DRAGONFLY_KILL_ROUNDS'] ?? 4);
const checkins = Number(process.env['DRAGONFLY_KILL_CHECKINS'] ?? 300);
const callers = 16;

/** MAC and id of every stored machine. */
async function stored(store: Store): Promise<[mac: string, id: string][]> {
  const found: [string, string][] = [];
  for await (const { value } of store.machines.all()) {
    found.push([value.identity.primary_mac, value.id]);
  }
  return found;
}

async function wrong(kv: Kv): Promise<Finding[]> {
  const findings: Finding[] = [];
  await checkStore(kv, undefined, (finding) => {
    findings.push(finding);
  });
  return findings;
}

it(
  `a server killed ${rounds} times while it writes loses nothing it acknowledged`,
  { timeout: rounds * 20_000 },
  async () => {
    const url = `lmdb:${temporaryDirectory()}`;
    const acknowledged = new Map<string, string>();
    let next = 0;
    for (let round = 0; round < rounds; round += 1) {
      const server = await ServerProcess.start(url);
      onTestFinished(async () => server.kill());
      const killed = new AbortController();
      const caller = async (): Promise<void> => {
        while (!killed.signal.aborted) {
          const request = checkinOf(next++);
          const id = await checkIn(server.url, request);
          if (id !== undefined) acknowledged.set(String(request['mac']), id);
        }
      };
      const calling = Array.from({ length: callers }, caller);
      const before = acknowledged.size;
      while (acknowledged.size === before) await sleep(5);
      await sleep(Math.random() * 500);
      killed.abort();
      await server.kill();
      await Promise.all(calling);
      const kv = await openKv(url, { verifyWhole: true });
      const machines = new Map(await stored(storeOver(kv)));
      expect([...acknowledged].filter(([mac, id]) => machines.get(mac) !== id)).toEqual([]);
      expect(await wrong(kv)).toEqual([]);
      await kv.close();
    }
  },
);

it.skipIf(etcdProgram === undefined)(
  'an etcd leader killed during check-ins through two servers costs a pause and no machine (needs etcd-server)',
  { timeout: 120_000 + checkins * 100 },
  async () => {
    const cluster = await EtcdCluster.start(3);
    onTestFinished(async () => cluster.stop());
    const servers = await Promise.all([
      ServerProcess.start(cluster.url),
      ServerProcess.start(cluster.url),
    ]);
    for (const server of servers) onTestFinished(async () => server.kill());
    const acknowledged = new Map<string, string>();
    let next = 0;
    let lastAt = performance.now();
    let longestMs = 0;
    const caller = async (): Promise<void> => {
      while (next < checkins) {
        const request = checkinOf(next++);
        // As an agent does: the same request again, at the other server, until it is acknowledged.
        let id: string | undefined;
        for (let attempt = 0; id === undefined; attempt += 1) {
          if (attempt > 0) await sleep(100);
          const server = servers[(next + attempt) % servers.length];
          id = await checkIn(server?.url ?? '', request);
        }
        acknowledged.set(String(request['mac']), id);
        const now = performance.now();
        longestMs = Math.max(longestMs, now - lastAt);
        lastAt = now;
      }
    };
    const calling = Array.from({ length: callers }, caller);
    while (acknowledged.size < checkins / 3) await sleep(20);
    const startAgain = await cluster.killLeader();
    while (acknowledged.size < (checkins * 2) / 3) await sleep(20);
    startAgain();
    await Promise.all(calling);
    process.stdout.write(
      `${checkins} check-ins, the leader killed: the longest pause was ${longestMs.toFixed(0)} ms\n`,
    );
    const kv = await openKv(cluster.url);
    onTestFinished(async () => kv.close());
    const machines = await stored(storeOver(kv));
    expect(new Map(machines)).toEqual(acknowledged);
    expect(machines).toHaveLength(checkins);
    expect(await wrong(kv)).toEqual([]);
    expect(longestMs).toBeLessThan(20_000);
  },
);
