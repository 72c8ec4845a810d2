// Metrics of what the store holds, which a restart of the server does not reset: machines, workflows, conflicts.
import { Gauge, type Registry } from 'prom-client';
import { stateName, type Machine, type MachineStateName } from '../../../model/machine.ts';
import type { Workflow, WorkflowState } from '../../../model/documents/workflow.ts';
import { wordOf, type WorkflowWord } from '../../../model/documents/workflow-state.ts';
import type { IdentityConflict } from '../../../model/history.ts';
import type { Store } from '../../../store/store.ts';
import { Alike } from './alike.ts';
import { Census } from './census.ts';
import type { Liveness } from '../liveness/liveness.ts';

interface CountedMachine {
  readonly state: MachineStateName;
  readonly tags: readonly string[];
  readonly wasSeen: boolean;
}

interface CountedWorkflow {
  readonly state: WorkflowState;
  readonly word: WorkflowWord;
  readonly machineId: string;
}

/** The part of all documents that is kept in memory. */
export interface Fleet {
  readonly machines: Census<Machine, CountedMachine>;
  readonly workflows: Census<Workflow, CountedWorkflow>;
  readonly conflicts: Census<IdentityConflict, boolean>;
}

export function countFleet(store: Store): Fleet {
  const alike = new Alike<CountedMachine>();
  return {
    machines: new Census(
      store.machines,
      ({ id }) => id,
      ({ status, config: { tags } }) =>
        alike.of({
          state: stateName(status.state),
          tags,
          wasSeen: status.last_seen !== null,
        }),
    ),
    workflows: new Census(
      store.workflows,
      ({ metadata }) => metadata.name,
      (workflow) => ({
        state: workflow.status?.state ?? 'STATE_PENDING',
        word: wordOf(workflow),
        machineId: workflow.spec.hardwareRef,
      }),
    ),
    conflicts: new Census(
      store.conflicts,
      ({ id }) => id,
      ({ resolution }) => resolution === null,
    ),
  };
}

/** Each tag with its number of machines, in the order of the tags. Errors: those of the store. */
export async function countTags({ machines }: Fleet): Promise<[tag: string, machines: number][]> {
  const counts = new Map<string, number>();
  for (const { tags } of (await machines.all()).values()) {
    for (const tag of tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  }
  return [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Adds the gauges of the fleet to a registry. */
export function measureFleet(registry: Registry, fleet: Fleet, liveness: Liveness): void {
  const registers = [registry];
  const machines = new Gauge({
    name: 'dragonfly_machines',
    help: 'Machines by state and liveness; unknown: never heard, or the server just started',
    labelNames: ['state', 'liveness'],
    registers,
    async collect() {
      const all = await fleet.machines.all();
      machines.reset();
      for (const [id, { state, wasSeen }] of all) {
        machines.inc({ state, liveness: liveness.of(id, wasSeen) ?? 'unknown' });
      }
    },
  });
  const workflows = new Gauge({
    name: 'dragonfly_workflows',
    help: 'Workflows by state',
    labelNames: ['state'],
    registers,
    async collect() {
      const all = await fleet.workflows.all();
      workflows.reset();
      for (const { state } of all.values()) workflows.inc({ state });
    },
  });
  const conflicts = new Gauge({
    name: 'dragonfly_conflicts_open',
    help: 'Identity conflicts that wait for an operator',
    registers,
    async collect() {
      const all = await fleet.conflicts.all();
      conflicts.set([...all.values()].filter(Boolean).length);
    },
  });
}

/** Adds the state of the store: records that could not be read, and how old the watch is. */
export function measureStore(
  registry: Registry,
  store: Pick<Store, 'damage' | 'watchAgeMs'>,
): void {
  const { damage } = store;
  const age = new Gauge({
    name: 'dragonfly_store_watch_age_seconds',
    help: 'Time since all changes by other servers were last known to have arrived',
    registers: [registry],
    collect() {
      age.set(store.watchAgeMs() / 1000);
    },
  });
  const damaged = new Gauge({
    name: 'dragonfly_damaged_records',
    help: 'Records that could not be read when they were last met',
    registers: [registry],
    collect() {
      damaged.set(damage.known().length);
    },
  });
}
