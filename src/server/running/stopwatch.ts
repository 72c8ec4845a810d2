// The time that workflows have run, by this server's monotonic clock and what servers wrote down before: wall
// clocks may be set while a workflow runs, and differ from server to server.
import type { Clock } from '../../core/clock.ts';
import type { Workflow } from '../../model/documents/workflow.ts';

interface Lap {
  readonly seconds: number;
  readonly atMs: number;
}

export class Stopwatch {
  readonly #clock: Clock;
  #laps = new Map<string, Lap>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Seconds that a running workflow has run. Time in which no server ran does not count. */
  read({ metadata, status }: Workflow): number {
    const atMs = this.#clock.elapsedMs();
    const lap = this.#laps.get(metadata.name);
    const here = lap === undefined ? 0 : lap.seconds + (atMs - lap.atMs) / 1000;
    const seconds = Math.max(here, writtenSeconds(status, this.#clock.now()));
    this.#laps.set(metadata.name, { seconds, atMs });
    return seconds;
  }

  /** Forgets all workflows but these. */
  keep(ids: ReadonlySet<string>): void {
    this.#laps = new Map([...this.#laps].filter(([id]) => ids.has(id)));
  }
}

/** A server of version 0.1.0 wrote down nothing but when it started. */
function writtenSeconds(status: Workflow['status'], now: Date): number {
  if (status?.ranSeconds !== undefined) return Number(status.ranSeconds);
  const startedMs = Date.parse(status?.startedAt ?? '');
  return Number.isNaN(startedMs) ? 0 : Math.max(0, (now.getTime() - startedMs) / 1000);
}
