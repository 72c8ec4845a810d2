// The metrics that Prometheus reads at /metrics. Each server has a registry, so that two in one process do
// not mix.
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { isErrorCode } from '../../../core/errors.ts';
import type { Problem } from '../../../model/problem.ts';
import type { Events } from '../events.ts';
import type { Liveness } from '../liveness/liveness.ts';

export interface Metrics {
  readonly registry: Registry;
  readonly checkins: Counter<'matched_by'>;
  readonly heartbeats: Counter;
  readonly problems: Counter<'code'>;
  readonly refused: Counter<'kind'>;
  /** Requests without a token that is good enough. */
  readonly denied: Counter<'status'>;
  /** A workflow ended after `seconds`. One that is reported again counts once. */
  workflowEnded(id: string, state: string, seconds: number): void;
  readonly requests: Histogram<'method' | 'route' | 'status'>;
  readonly store: Histogram<'operation' | 'outcome'>;
}

/** Counts problems by those codes that there are: an agent may send any text. */
export function countProblems(metrics: Metrics, problems: readonly Problem[]): void {
  for (const { code } of problems) {
    metrics.problems.inc({ code: isErrorCode(code) ? code : 'other' });
  }
}

export function createMetrics(liveness: Liveness, events: Events): Metrics {
  const registry = new Registry();
  const registers = [registry];
  // Adds event loop lag, memory and CPU of the process.
  collectDefaultMetrics({ register: registry });
  // Gauges that are named like counters. Those of each type, which they sum up, stay.
  for (const kind of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${kind}_total`);
  }
  const alive = new Gauge({
    name: 'dragonfly_machines_alive',
    help: 'Machines heard since the server started, by liveness and by state when last asked',
    labelNames: ['liveness', 'state'],
    registers,
    collect() {
      alive.reset();
      for (const [{ state }, name] of liveness.all()) {
        alive.inc({ liveness: name, state });
      }
    },
  });
  const watchers = new Gauge({
    name: 'dragonfly_event_watchers',
    help: 'Open event streams',
    registers,
    collect() {
      watchers.set(events.subscribers);
    },
  });
  return {
    registry,
    checkins: new Counter({
      name: 'dragonfly_checkins_total',
      help: 'Check-ins answered, by how the machine was recognised',
      labelNames: ['matched_by'],
      registers,
    }),
    heartbeats: new Counter({
      name: 'dragonfly_heartbeats_total',
      help: 'Heartbeats answered',
      registers,
    }),
    problems: new Counter({
      name: 'dragonfly_problems_total',
      help: 'Problems that agents told with check-ins and heartbeats, by code',
      labelNames: ['code'],
      registers,
    }),
    refused: new Counter({
      name: 'dragonfly_refused_total',
      help: 'Requests of agents that were told to come again later, by kind',
      labelNames: ['kind'],
      registers,
    }),
    denied: new Counter({
      name: 'dragonfly_denied_total',
      help: 'Requests that were refused for their token, by status: 401 or 403',
      labelNames: ['status'],
      registers,
    }),
    workflowEnded: workflowTimes(registers),
    requests: new Histogram({
      name: 'dragonfly_http_request_seconds',
      help: 'Time to answer a request, heartbeats excepted',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    }),
    store: new Histogram({
      name: 'dragonfly_store_seconds',
      help: 'Time of a store operation',
      labelNames: ['operation', 'outcome'],
      buckets: [0.0005, 0.002, 0.01, 0.05, 0.2, 1, 5],
      registers,
    }),
  };
}

/** The most ended workflows that are remembered, so that none is measured twice. */
const mostEnded = 1000;

function workflowTimes(registers: Registry[]): Metrics['workflowEnded'] {
  const times = new Histogram({
    name: 'dragonfly_workflow_seconds',
    help: 'Time from the start of a workflow to its end, by how it ended',
    labelNames: ['state'],
    buckets: [10, 60, 300, 900, 1800, 3600, 7200],
    registers,
  });
  const ended = new Set<string>();
  return (id, state, seconds) => {
    if (ended.has(id)) return;
    if (ended.size >= mostEnded) ended.clear();
    ended.add(id);
    times.observe({ state }, seconds);
  };
}
