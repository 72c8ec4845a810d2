// Runs the probes side by side, each with its own deadline. Must not know how any probe reads.
import { systemClock, type Clock } from '../core/clock.ts';
import { AppError, describeError } from '../core/errors.ts';
import type { Facts, Problem } from '../model/inventory.ts';
import type { Root } from '../sources/root.ts';
import { probesFor, type AnyProbe } from './index.ts';
import { withInstalledOs } from './machine-id.ts';
import type { Report } from './probe.ts';
import { SharedRoot } from './shared-root.ts';

export interface CollectOptions {
  /** How long each probe may take. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Look for installed operating systems on the disks even outside the netboot image. */
  readonly probeOs?: boolean;
  readonly probes?: readonly AnyProbe[];
}

export interface Collection {
  facts: Partial<Facts>;
  problems: Problem[];
}

export const defaultProbeTimeoutMs = 10_000;

/** Everything that the probes find out about a host. A probe that hangs or throws costs its own
 *  section and gives a problem. Errors: none, but the signal's reason once that is aborted. */
export async function collect(root: Root, options: CollectOptions = {}): Promise<Collection> {
  const { timeoutMs = defaultProbeTimeoutMs, clock = systemClock } = options;
  const shared = new SharedRoot(root);
  const collection: Collection = { facts: {}, problems: [] };
  const probes = options.probes ?? probesFor({ probeOs: options.probeOs ?? false });
  const limits = { ...options, timeoutMs, clock };
  await Promise.all(probes.map((probe) => run(probe, shared, collection, limits)));
  options.signal?.throwIfAborted();
  const { machineId, installedOs } = collection.facts;
  if (machineId && installedOs) {
    collection.facts.machineId = withInstalledOs(machineId, installedOs);
  }
  collection.problems.sort(byPlace);
  return collection;
}

async function run(
  probe: AnyProbe,
  root: Root,
  { facts, problems }: Collection,
  { timeoutMs, clock, signal }: { timeoutMs: number; clock: Clock; signal?: AbortSignal },
): Promise<void> {
  let isOver = false;
  const report: Report = (problem) => {
    // What a probe says after its deadline is about a section that is no longer there.
    if (!isOver) problems.push(problem);
  };
  try {
    const read = (stop: AbortSignal): Promise<unknown> => probe.read(root, report, stop);
    const section = await withDeadline(read, {
      timeoutMs,
      clock,
      ...(signal && { signal }),
    });
    if (section !== undefined) Object.assign(facts, { [probe.name]: section });
  } catch (err) {
    if (!signal?.aborted) report(problemOf(probe.name, err, timeoutMs));
  } finally {
    isOver = true;
  }
}

class DeadlineError extends Error {}

/** The result of `work`, or a DeadlineError once its time is over, whether `work` ends or not. */
async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { timeoutMs, clock, signal }: { timeoutMs: number; clock: Clock; signal?: AbortSignal },
): Promise<T> {
  const timer = new AbortController();
  const stop = signal ? AbortSignal.any([signal, timer.signal]) : timer.signal;
  const deadline = clock.sleep(timeoutMs, stop).then(() => {
    throw new DeadlineError();
  });
  // Whichever loses the race may still reject: nobody is interested then.
  deadline.catch(() => {});
  try {
    return await Promise.race([work(stop), deadline]);
  } finally {
    timer.abort(new Error('the probe is over'));
  }
}

function problemOf(section: string, err: unknown, timeoutMs: number): Problem {
  const source = section;
  if (err instanceof DeadlineError) {
    const message = `the probe did not finish within ${timeoutMs} ms`;
    return { code: 'probe.timeout', section, source, message };
  }
  const cause = new AppError('probe.failed', 'the probe failed', { cause: err });
  return { code: cause.code, section, source, message: describeError(cause) };
}

/** Probes end in any order; the inventory of one machine is the same each time. */
function byPlace(a: Problem, b: Problem): number {
  return compare(a.section, b.section) || compare(a.source, b.source) || compare(a.code, b.code);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
