// The small world that the walk goes through: one machine with two disks, its agent, a server's records, and
// the messages that are still on their way.
import type { Template } from '../../../../src/model/documents/template.ts';
import { isActive, type Workflow } from '../../../../src/model/documents/workflow.ts';
import type { WorkflowEvent } from '../../../../src/model/api/agent.ts';
import { stateName, type Machine } from '../../../../src/model/machine.ts';
import { newMachine } from '../machine.ts';

/** The things on a disk: nothing, an operator's data, or what a workflow has written of version so-and-so. */
export type Content =
  | 'blank'
  | 'data'
  | { readonly by: string; readonly version: string; readonly isWhole: boolean };

/** The two disks by their serials; the kernel names them anew at each boot. */
export interface Disks {
  readonly S1: Content;
  readonly S2: Content;
}

/** The agent's process, in the image. */
export interface Agent {
  readonly isRegistered: boolean;
  /** The order that it has taken up. */
  readonly order?: string;
  /** The steps of the order that it has done. */
  readonly done: 'nothing' | 'begun' | 'writing' | 'written' | 'leaving';
  /** The last order that it carried out, well or not. */
  readonly last?: string;
}

export interface Host {
  /** The boots are counted; 0 before the first. */
  readonly boot: number;
  readonly where: 'off' | 'image' | 'disk';
  readonly agent?: Agent | undefined;
  /** Kept within a boot, over a restart of the agent. */
  readonly journal?:
    | { readonly workflow: string; readonly finished: number; readonly hasFailed: boolean }
    | undefined;
  readonly spool: readonly Message[];
  readonly disks: Disks;
}

export interface Message {
  readonly workflow: string;
  readonly event: WorkflowEvent;
}

/** The records of a server. */
export interface Records {
  readonly machine: Machine;
  readonly workflows: Readonly<Record<string, Workflow>>;
  readonly template: Template | undefined;
}

/** The events that no record tells, to judge the records by. */
interface Truth {
  /** So many workflows were made: no two have one id, whatever is restored. */
  readonly made: number;
  /** The boots that were allowed to begin each workflow, since somebody last said that it is to be done. */
  readonly begun: Readonly<Record<string, readonly string[]>>;
  /** The same for ever: "W1 by boot 1". */
  readonly allowed: readonly string[];
  /** Workflows that came to an end, and that nobody has released since. */
  readonly ended: readonly string[];
  /** Those that the agent has been able to hear of. */
  readonly heard: readonly string[];
}

export interface World {
  readonly records: Records;
  readonly backup?: Records | undefined;
  readonly host: Host;
  /** Copies of messages that will arrive late, or again. */
  readonly strays: readonly Message[];
  readonly truth: Truth;
  /** Days by which the wall clock was set. */
  readonly clockDays: number;
  readonly isRestored: boolean;
  /** Things that may still go wrong, and orders that may still be given. */
  readonly left: { readonly mishaps: number; readonly orders: number };
}

export const bootName = (n: number): string => `boot ${n}`;

export function templateOf(version: string): Template {
  return {
    apiVersion: 'dragonfly.computer/v1',
    kind: 'Template',
    metadata: { name: 'debian' },
    spec: {
      actions: [
        { action: 'image2disk', url: `http://images/${version}.raw` },
        { action: 'reboot' },
      ],
    },
  };
}

export function firstWorld(left: World['left']): World {
  return {
    records: { machine: newMachine(), workflows: {}, template: templateOf('v1') },
    host: { boot: 0, where: 'off', spool: [], disks: { S1: 'blank', S2: 'data' } },
    strays: [],
    truth: { made: 0, begun: {}, allowed: [], ended: [], heard: [] },
    clockDays: 0,
    isRestored: false,
    left,
  };
}

/** Everything that the future of a world depends on, as a text: equal worlds have equal keys. */
export function keyOf(world: World): string {
  const { records, backup, host, strays, truth, clockDays, isRestored, left } = world;
  const before = backup === undefined ? 0 : numberOf(backup, recordsKey);
  const parts = `${numberOf(records, recordsKey)} ${before} ${numberOf(host, hostKey)}`;
  const more = `${numberOf(strays)} ${numberOf(truth)} ${clockDays} ${isRestored}`;
  return `${parts} ${more} ${left.mishaps} ${left.orders}`;
}

/** The parts that there have been, by their texts: few, of which the many worlds are made. */
const numbers = new Map<string, number>();
/** A step leaves most parts of a world as they are. */
const known = new WeakMap<object, number>();

/** Equal parts have equal numbers, from 1. */
function numberOf<T extends object>(
  part: T,
  keyed: (part: T) => unknown = (whole) => whole,
): number {
  const before = known.get(part);
  if (before !== undefined) return before;
  const text = JSON.stringify(keyed(part));
  const number = numbers.get(text) ?? numbers.size + 1;
  numbers.set(text, number);
  known.set(part, number);
  return number;
}

function hostKey({ boot, where, agent, journal, spool, disks }: Host): unknown {
  const messages = spool.map((message) => numberOf(message));
  return [boot, where, agent, journal, messages, disks.S1, disks.S2];
}

function recordsKey({ machine, workflows, template }: Records): unknown {
  const documents = Object.values(workflows).map((workflow) => numberOf(workflow, workflowKey));
  return [numberOf(machine, machineKey), documents, versionOf(template)];
}

function workflowKey({ metadata, spec, status: state, held }: Workflow): unknown {
  return [
    metadata.name,
    held,
    spec.reimage,
    versionOf(spec.template),
    spec.plan?.disk?.device,
    state?.state,
    state?.cancelled,
    state?.startedByBoot,
    state?.attempts,
    state?.confirmed,
    state?.left === undefined ? 0 : [state.left.afterSeconds, state.left.isOverdue],
    state?.ranSeconds,
    state?.actions?.map((action) => action.status),
  ];
}

function machineKey({ status, report, hardware, overdue_workflow: overdue }: Machine): unknown {
  return [
    stateName(status.state),
    status.current_workflow,
    report?.boot_id,
    report?.existing_os?.device,
    report?.tells_os,
    hardware.disks.map((disk) => [disk.device, disk.serial, disk.contents?.length]),
    overdue,
  ];
}

export function versionOf(template: Template | undefined): string {
  const [first] = template?.spec.actions ?? [];
  return first?.action === 'image2disk' ? first.url : 'none';
}

export function activeOf({ machine, workflows }: Records): Workflow | undefined {
  const workflow = workflows[machine.status.current_workflow ?? ''];
  return workflow !== undefined && isActive(workflow) ? workflow : undefined;
}
