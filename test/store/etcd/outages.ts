// Three etcd members in network namespaces of their own, two servers, and machines that check in and beat all the
// time, while one member after another is cut off, hangs, is full and is lost, and all are restored from a backup. A process of
// its own, in a network and a mount namespace of its own (`unshare -nm`). Prints what it found as JSON.
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkStore, type Finding } from '../../../src/store/check.ts';
import { storeOver } from '../../../src/store/kv-store.ts';
import { openKv } from '../../../src/store/open.ts';
import { checkIn, checkinOf, ServerProcess } from '../server-process.ts';
import { EtcdCluster, type Place } from './etcd-server.ts';

const callers = 8;
/** The time that each outage lasts, and the time to get over it. */
const outageMs = 12_000;
const restMs = 6000;
/** Well beyond what the check-ins write, which is some 3 KB for each: only `fill` may fill it. */
const quotaBytes = 96 * 1024 * 1024;
/** The time in which each caller is acknowledged once the outages are over. */
const lastMs = 20_000;

const ip = (line: string): void => void execFileSync('ip', line.split(' '));

function makeNetwork(): Place[] {
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  ip('link set lo up');
  ip('link add br0 type bridge');
  ip('address add 10.77.0.1/24 dev br0');
  ip('link set br0 up');
  return [0, 1, 2].map((n) => {
    const address = `10.77.0.${11 + n}`;
    ip(`netns add e${n}`);
    ip(`link add v${n} type veth peer name eth0 netns e${n}`);
    ip(`link set v${n} master br0 up`);
    ip(`-n e${n} link set lo up`);
    ip(`-n e${n} address add ${address}/24 dev eth0`);
    ip(`-n e${n} link set eth0 up`);
    const flags = n === 2 ? [`--quota-backend-bytes=${quotaBytes}`] : [];
    return { address, run: ['ip', 'netns', 'exec', `e${n}`], flags };
  });
}

const cluster = await EtcdCluster.start(3, ['--unsafe-no-fsync'], undefined, makeNetwork());
const servers = [await ServerProcess.start(cluster.url), await ServerProcess.start(cluster.url)];
const urls = servers.map(({ url }) => url);

/** MAC and id of each machine that was acknowledged. */
const acknowledged = new Map<string, string>();
/** The same of those that came from a moment before the backup until its return. */
const forgotten = new Map<string, string>();
let isForgotten = false;
/** The longest time without an acknowledged check-in, by phase. */
const pausesMs: Record<string, number> = {};
let phase = 'healthy';
const over = new AbortController();
let acknowledgedMs = performance.now();
let overMs = Infinity;
/** Check-ins that were not acknowledged in `lastMs` after it was all over. */
const unanswered: Record<string, unknown>[] = [];
let next = 0;

/** As an agent does: the same request again, at the other server, until it is acknowledged. */
async function call(): Promise<void> {
  while (!over.signal.aborted) {
    const request = checkinOf(next++);
    let id: string | undefined;
    for (let attempt = 0; id === undefined; attempt += 1) {
      if (attempt > 0) await sleep(100);
      if (performance.now() - overMs > lastMs) return void unanswered.push(request);
      id = await checkIn(urls[(next + attempt) % urls.length] ?? '', request);
    }
    (isForgotten ? forgotten : acknowledged).set(String(request['mac']), id);
    const nowMs = performance.now();
    pausesMs[phase] = Math.max(pausesMs[phase] ?? 0, nowMs - acknowledgedMs);
    acknowledgedMs = nowMs;
    await sleep(50);
  }
}

async function send(url: string, method: string, path: string, body?: unknown) {
  try {
    const response = await fetch(url + path, {
      method,
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(20_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: Object(await response.json()) };
  } catch {
    return { status: 0, body: {} };
  }
}

/** Queues and cancels a workflow at one server, and asks the other what the machine is to do: the longest time that
 *  it was told something else after the change was acknowledged. */
let longestWrongMs = 0;
let changes = 0;

async function watchAnswers(machineId: string, ended: AbortSignal): Promise<void> {
  /** undefined: either answer is right. */
  let wanted: string | undefined;
  let sinceMs = 0;
  /** Resolved once the other server knows of the last change. */
  let known = Promise.withResolvers<undefined>();
  const beat = async (): Promise<void> => {
    while (!ended.aborted) {
      const [before, changedMs] = [wanted, sinceMs];
      const body = { machine_id: machineId, boot_id: 'watched' };
      const { status, body: answer } = await send(
        urls[1] ?? '',
        'POST',
        '/api/agent/heartbeat',
        body,
      );
      // Only what was asked and answered while the same was wanted counts.
      const isWrong = status === 200 && before !== undefined && answer.action !== before;
      if (isWrong && wanted === before && changedMs === sinceMs)
        longestWrongMs = Math.max(longestWrongMs, performance.now() - changedMs);
      const isKnown = status === 200 && answer.action === before && changedMs === sinceMs;
      if (isKnown) known.resolve(undefined);
      await sleep(100);
    }
    known.resolve(undefined);
  };
  /** From now on this is the right answer, until the other server has given it and a while longer. */
  const expectFromNow = async (action: string): Promise<void> => {
    known = Promise.withResolvers();
    [wanted, sinceMs] = [action, performance.now()];
    if (!ended.aborted) await known.promise;
    await sleep(1500);
    wanted = undefined;
  };
  const beating = beat();
  while (!ended.aborted) {
    const made = await send(urls[0] ?? '', 'POST', '/api/workflows', {
      machine_id: machineId,
      template: 'restart',
    });
    if (made.status === 201) {
      changes += 1;
      await expectFromNow('execute');
      const path = `/api/workflows/${made.body.metadata.name}/cancel`;
      while (!ended.aborted) {
        const { status } = await send(urls[0] ?? '', 'POST', path);
        if (status === 200 || status === 409) break;
        await sleep(100);
      }
      await expectFromNow('wait');
    }
    await sleep(100);
  }
  await beating;
}

/** The time until no server answers the heartbeat of a machine that is no more. */
async function forgetting(machine_id: string): Promise<number> {
  const sinceMs = performance.now();
  for (const url of urls) {
    let status = 0;
    while (status !== 404) {
      await sleep(50);
      ({ status } = await send(url, 'POST', '/api/agent/heartbeat', { machine_id, boot_id: 'b' }));
      if (performance.now() - sinceMs > 60_000) return 60_000;
    }
  }
  return performance.now() - sinceMs;
}

/** All members go back to a backup of some seconds ago. */
async function restoreAll(): Promise<void> {
  isForgotten = true;
  const putBack = await cluster.backUp();
  await sleep(restMs);
  await putBack();
  isForgotten = false;
  const gone = [...forgotten.values()].at(-1);
  longestWrongMs = Math.max(longestWrongMs, await forgetting(gone ?? ''));
}

async function during(name: string, begin: () => unknown, end: () => unknown): Promise<void> {
  phase = name;
  await begin();
  await sleep(outageMs);
  await end();
  phase = `after ${name}`;
  await sleep(restMs);
}

/** Fills the member with the small quota, which stops the writes of all. */
async function fill(): Promise<void> {
  const value = Buffer.alloc(1024 * 1024).toString('base64');
  for (let n = 0; n < 2 * (quotaBytes / 1024 / 1024); n += 1) {
    const key = Buffer.from(`junk/${n}`).toString('base64');
    const answer = await cluster.ask(2, '/v3/kv/put', { key, value }).catch(() => ({}));
    if (String(Object(answer).message).includes('space exceeded')) return;
  }
  throw new Error('the member was not filled');
}

async function makeRoom(): Promise<void> {
  const [key, range_end] = ['junk/', 'junk0'].map((text) => Buffer.from(text).toString('base64'));
  const { header } = Object(await cluster.ask(0, '/v3/kv/deleterange', { key, range_end }));
  await cluster.ask(0, '/v3/kv/compaction', { revision: header.revision, physical: true });
  for (const member of [0, 1, 2]) await cluster.ask(member, '/v3/maintenance/defragment', {});
  const { alarms = [] } = Object(await cluster.ask(0, '/v3/maintenance/alarm', { action: 'GET' }));
  for (const { memberID, alarm } of alarms)
    await cluster.ask(0, '/v3/maintenance/alarm', { action: 'DEACTIVATE', memberID, alarm });
}

let goOn = (): void => {};
const template = {
  apiVersion: 'dragonfly.computer/v1',
  kind: 'Template',
  metadata: { name: 'restart' },
  spec: { actions: [{ action: 'reboot' }] },
};
await send(urls[0] ?? '', 'PUT', '/api/templates/restart', template);
const machineId = await checkIn(urls[1] ?? '', { ...checkinOf(0xffffff), boot_id: 'watched' });
const working = Array.from({ length: callers }, call);
const watching = new AbortController();
const watched = watchAnswers(machineId ?? '', watching.signal);
await sleep(restMs);
const first = await cluster.leader();
await during(
  'leader cut off',
  () => ip(`link set v${first} down`),
  () => ip(`link set v${first} up`),
);
const second = await cluster.leader();
await during(
  'leader hangs',
  () => (goOn = cluster.hang(second)),
  () => goOn(),
);
await during(
  'server’s own member hangs',
  () => (goOn = cluster.hang(0)),
  () => goOn(),
);
await during('member full', fill, makeRoom);
await during(
  'member lost',
  () => cluster.replace(1),
  () => {},
);
// Workflows made and cancelled meanwhile would be gone by right.
watching.abort();
await watched;
await during('all restored', restoreAll, () => {});
await send(urls[0] ?? '', 'POST', '/api/machines/bulk', { ids: [machineId], cancel: true });
const watchedAgain = watchAnswers(machineId ?? '', over.signal);
await sleep(restMs);
over.abort();
overMs = performance.now();
await Promise.all([...working, watchedAgain]);

const kv = await openKv(cluster.url);
const stored = new Map<string, string>();
let twice = 0;
for await (const { value } of storeOver(kv).machines.all()) {
  twice += stored.has(value.identity.primary_mac) ? 1 : 0;
  stored.set(value.identity.primary_mac, value.id);
}
const lost = [...acknowledged].filter(([mac, id]) => stored.get(mac) !== id);
const findings: Finding[] = [];
await checkStore(kv, undefined, (finding) => findings.push(finding));
await kv.close();
for (const server of servers) await server.kill();
await cluster.stop();
process.stdout.write(
  JSON.stringify({
    acknowledged: acknowledged.size,
    forgotten: forgotten.size,
    unanswered,
    lost,
    twice,
    findings,
    changes,
    longestWrongMs: Math.round(longestWrongMs),
    pausesMs: Object.fromEntries(Object.entries(pausesMs).map(([k, ms]) => [k, Math.round(ms)])),
  }),
);
