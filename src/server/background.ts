// The server's background work: it measures its lag, notices silent machines, writes last_seen in batches, ends
// workflows past their time, and watches the store.
import { inTime } from '../core/deadline.ts';
import { describeError, isAppError } from '../core/errors.ts';
import { tokenHolder, type Machine } from '../model/machine.ts';
import { noteUsed } from './access/tokens.ts';
import { pruneAudit } from './running/audit-log.ts';
import type { Liveness } from './running/liveness/liveness.ts';
import { recordTwoLive } from './checkin/conflicts.ts';
import { exchangeMs, OtherServers } from './running/liveness/other-servers.ts';
import type { Heard } from './running/liveness/heard.ts';
import type { Presence } from './running/liveness/presence.ts';
import type { Services } from './services.ts';
import { holderChange } from './rules/history.ts';
import { watchWorkflows } from './machines/arrival.ts';
import { QuietWrites } from './running/quiet-writes.ts';
import { passOn, watchForEver } from './store-watch.ts';

const sweepMs = 1000;
const flushMs = 10_000;
/** Bounds the cost of a large fleet, whose last_seen takes several rounds to write. */
const flushRecords = 2000;
const flushAtOnce = 64;
const expiryMs = 5000;
/** Short, so that a search has little left to bring up to date. */
const textsMs = 5000;
const tidyMs = 3_600_000;
const usedMs = 60_000;
const damageMs = 60_000;
/** At the end a check of the data is waited for so long: systemd ends a service that takes a minute. */
const settleMs = 30_000;

export interface Background {
  /** Waits for running work and writes whatever is only in memory. */
  finish(): Promise<void>;
}

/** Now, but no later than the monotonic clock says since the start: setting a clock makes nothing old. */
function cautiousNow({ clock }: Services): () => Date {
  const aheadMs = clock.now().getTime() - clock.elapsedMs();
  return () => new Date(Math.min(clock.now().getTime(), aheadMs + clock.elapsedMs()));
}

/** `onUnwritten`: called at the end if something that was only in memory could not be written. */
export function startBackground(
  s: Services,
  signal: AbortSignal,
  onUnwritten: () => void,
): Background {
  const quiet = new QuietWrites();
  const now = cautiousNow(s);
  const others = new OtherServers(s.store, s.clock, s.liveness, s.newId());
  const running = [
    watchForEver(s, quiet, signal),
    s.overload.watch(signal).catch(() => {}),
    hashImages(s, signal),
    every(s, sweepMs, signal, async () => {
      if (s.storeHealth.isAway) s.liveness.deafen();
      for (const id of s.liveness.sweep()) {
        s.decisions.forget(id);
        readAgain(s, id);
      }
    }),
    every(s, flushMs, signal, async () => {
      // Registering machines come first; what is not written yet stays in memory.
      if (!s.overload.isBusy) await flushLastSeen(s, quiet, flushRecords);
    }),
    every(s, usedMs, signal, () => noteUsed(s.store, s.auth.takeUsed())),
    every(s, tidyMs, signal, async () => void (await pruneAudit(s.store, s.audit, now()))),
    every(s, tidyMs, signal, async () => void (await s.logs.prune(now()))),
    every(s, expiryMs, signal, () => watchWorkflows(s)),
    every(s, textsMs, signal, async () => {
      if (s.texts.isKnown) await s.texts.upToDate();
    }),
    every(s, exchangeMs, signal, () =>
      others.exchange(async (id, gaveWay) =>
        recordTwoLive(s, id, `boot ${gaveWay ?? 'not stated'}`),
      ),
    ),
    every(s, tidyMs, signal, () => s.auth.boots.forgetOld(now())),
    every(s, tidyMs, signal, () => s.auth.sessions.forgetOld(now())),
    s.auth.people?.watch(s.clock, s.log, signal) ?? Promise.resolve(),
    every(s, damageMs, signal, damageReporter(s)),
    s.webhooks.run(signal),
  ];
  return {
    async finish() {
      await Promise.all(running);
      const late = (): Error => new Error('the store cannot be used yet');
      await inTime(s.store.settled(), s.clock, settleMs, late).catch(() => {});
      // At the same time as the rest: each takes long where the store does not answer.
      const left = others.leave().catch((err: unknown) => {
        s.log.warn({ err }, 'the other servers could not be told that this one ends');
      });
      try {
        await flushLastSeen(s, quiet, Infinity);
        await noteUsed(s.store, s.auth.takeUsed());
        // If the data file is gone, so is what was acknowledged.
        if (s.store.isExclusive) await s.store.settings.list({ limit: 1 });
      } catch (err) {
        const last_seen_unwritten = s.liveness.lastSeen.size;
        const fields = { err, last_seen_unwritten };
        s.log.error(fields, 'not everything could be written before the end');
        onUnwritten();
      }
      await left;
    },
  };
}

/** Logs each record that could not be read, once. */
function damageReporter({ store, log }: Services): () => Promise<void> {
  let reported = new Set<string>();
  return async () => {
    await store.damage.forgetGone();
    const known = store.damage.known();
    for (const { record, error } of known) {
      if (!reported.has(record)) log.error({ record, error }, 'a stored record cannot be read');
    }
    reported = new Set(known.map(({ record }) => record));
  };
}

/** Computes the checksums of new images ahead of the first machine that asks for them. */
async function hashImages({ images, log }: Services, signal: AbortSignal): Promise<void> {
  try {
    await images?.hashAll(signal);
  } catch (err) {
    if (!signal.aborted) log.error({ err }, 'the checksums of the images cannot be computed');
  }
}

/** Repeats `work` until `signal` aborts. A failure is retried next time. */
async function every(
  s: Services,
  ms: number,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await s.clock.sleep(ms, signal);
      await work();
    } catch (err) {
      if (signal.aborted) return;
      s.log.warn({ error: describeError(err) }, 'background work failed, will retry');
    }
  }
}

/** Writes when machines were last heard. Errors: those of the store, without losing anything. */
async function flushLastSeen(s: Services, quiet: QuietWrites, limit: number): Promise<void> {
  const left = [...s.liveness.lastSeen.take(limit)];
  const writeAll = async (): Promise<void> => {
    for (let presence = left.pop(); presence !== undefined; presence = left.pop()) {
      try {
        await writeLastSeen(s, quiet, presence);
      } catch (err) {
        // Its record cannot be written; the others do not wait for it.
        if (isAppError(err, 'store.damaged')) continue;
        for (const unwritten of [presence, ...left.splice(0)]) s.liveness.lastSeen.add(unwritten);
        throw err;
      }
    }
  };
  await Promise.all(Array.from({ length: flushAtOnce }, writeAll));
}

/** Writes unless somebody else wrote meanwhile; there will be another round. */
async function writeLastSeen(s: Services, quiet: QuietWrites, presence: Heard): Promise<void> {
  const found = await s.store.machines.get(presence.machineId);
  if (found === undefined) return;
  const machine = seenBy(s.liveness, found.value, presence);
  if (machine === found.value) return;
  const changes = holderChange(found.value, machine, s.clock.now().toISOString());
  try {
    await quiet.run(
      machine.id,
      async () => {
        const along = { changes, isQuiet: true, replaces: found.value };
        const revision = await s.store.machines.put(machine, found, along);
        s.lastCheckins.seen(found, { value: machine, revision });
      },
      (change) => passOn(s, change),
    );
    if (s.liveness.get(machine.id) === undefined) readAgain(s, machine.id);
    for (const { before, after: token } of changes) {
      s.events.publish('machine.token', {
        machine_id: machine.id,
        token,
        before,
        by: 'heartbeats',
      });
    }
  } catch (err) {
    if (!isAppError(err, 'store.conflict')) throw err;
    s.liveness.lastSeen.add(presence);
  }
}

/** From now on the time in the machine's record counts; it was written quietly while the machine was heard. */
function readAgain({ fleet, texts }: Services, machineId: string): void {
  fleet.machines.changed(machineId);
  texts.changed(machineId);
}

/** Returns the machine with the time it was last heard, or the same object if its record has that already. */
function seenBy(liveness: Liveness, machine: Machine, { seenAt }: Presence): Machine {
  const last_seen = seenAt.toISOString();
  const token_holder = liveness.holderOf(machine.id, tokenHolder(machine));
  // A later time in the store also gives way: another server's clock is ahead, or was.
  const isNews = machine.status.last_seen !== last_seen;
  if (!isNews && token_holder === machine.token_holder) return machine;
  return {
    ...machine,
    status: isNews ? { ...machine.status, last_seen } : machine.status,
    ...(token_holder === undefined ? {} : { token_holder }),
  };
}
