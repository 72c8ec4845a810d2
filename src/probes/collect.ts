// Runs the probes side by side, each with its own deadline. Must not know how any probe reads.
import { systemClock, type Clock } from '../core/clock.ts';
import { Deadline } from '../core/deadline.ts';
import { AppError, describeError, isAppError } from '../core/errors.ts';
import type { Facts } from '../model/inventory.ts';
import type { Problem } from '../model/problem.ts';
import type { Root } from '../sources/root.ts';
import { allProbes, type AnyProbe, type ProbeOptions } from './index.ts';
import { withInstalledOs } from './machine-id.ts';
import type { Report } from './probe.ts';
import { SharedRoot } from './shared-root.ts';

export interface CollectOptions extends ProbeOptions {
  /** The time that each probe may take; those that read disks three times as long. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Defaults to all of them. */
  readonly probes?: readonly AnyProbe[];
}

export interface Collection {
  facts: Partial<Facts>;
  problems: Problem[];
}

export const defaultProbeTimeoutMs = 10_000;
const patience = 3;

/** Runs all probes on a host. A probe that hangs or throws costs its own section and becomes a problem.
 *  Errors: none, but the signal's reason once that is aborted. */
export async function collect(root: Root, options: CollectOptions = {}): Promise<Collection> {
  const { timeoutMs = defaultProbeTimeoutMs, clock = systemClock, signal } = options;
  const probes = options.probes ?? allProbes(options);
  const shared = new SharedRoot(root);
  const collection: Collection = { facts: {}, problems: [] };
  // All probes start now and share two timers: a timer and a signal for each would take as long as most of
  // the probes.
  const deadlineAfter = (ms: number): Deadline =>
    new Deadline(
      clock,
      ms,
      () => new AppError('probe.timeout', `the probe did not finish within ${ms} ms`),
      signal,
    );
  const deadline = deadlineAfter(timeoutMs);
  const later = deadlineAfter(patience * timeoutMs);
  await Promise.all(
    probes.map((probe) =>
      run(probe, shared, collection, probe.isPatient === true ? later : deadline),
    ),
  );
  deadline.end();
  later.end();
  signal?.throwIfAborted();
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
  deadline: Deadline,
): Promise<void> {
  let isOver = false;
  const report: Report = (problem) => {
    // Reports after the deadline concern a section that is missing by then.
    if (!isOver) problems.push(problem);
  };
  try {
    const reading: Promise<unknown> = probe.read(root, report, deadline.signal);
    const section = await Promise.race([reading, deadline.passed]);
    if (section !== undefined) Object.assign(facts, { [probe.name]: section });
  } catch (err) {
    report(problemOf(probe.name, err));
  } finally {
    isOver = true;
  }
}

function problemOf(section: string, err: unknown): Problem {
  const error = isAppError(err, 'probe.timeout')
    ? err
    : new AppError('probe.failed', 'the probe failed', { cause: err });
  return { code: error.code, section, source: section, message: describeError(error) };
}

/** Probes finish in any order, but an inventory must be the same each time. */
function byPlace(a: Problem, b: Problem): number {
  return compare(a.section, b.section) || compare(a.source, b.source) || compare(a.code, b.code);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
