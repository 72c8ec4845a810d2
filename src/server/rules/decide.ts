// The order of a machine's agent and the boot of a machine: decided here and nowhere else, from the
// machine's record and its workflow. Pure.
import type { Action } from '../../model/api/agent.ts';
import { existingOs, stateName, type Machine, type MachineStateName } from '../../model/machine.ts';
import { isActive, type Workflow } from '../../model/documents/workflow.ts';
import type { DiskContents } from '../../model/hardware/contents.ts';
import type { StoredOs } from '../../model/hardware/existing-os.ts';
import type { PlannedDisk } from '../../model/documents/planned-disk.ts';
import { hasLeft } from './workflow/arrival.ts';
import { forgottenAt, keepsComingBack } from './local-boot.ts';
import { confirmationFor } from './workflow/progress.ts';
import { asPlanned, holds, nameOfData } from './plan/disk.ts';

export interface Decision {
  /** The state that it was decided in. */
  readonly state: MachineStateName;
  readonly action: Action;
  /** Set with "execute". */
  readonly workflowId: string | null;
  /** The boot that it was decided for; null where the agent sends none. */
  readonly bootId: string | null;
  /** When it is to be decided anew, though nothing changes. */
  readonly until?: Date;
  /** The public keys that may log in by SSH; left out: none. */
  readonly sshKeys?: readonly string[];
}

/** The part of an answer that says who may log in. */
export function sshKeysOf({ sshKeys }: Decision): { ssh_keys?: string[] } {
  return sshKeys === undefined ? {} : { ssh_keys: [...sshKeys] };
}

export interface Circumstances {
  readonly now: Date;
  /** An operator keeps the machine in the agent, whatever is on its disks. */
  readonly isHeld: boolean;
}

/** A machine's boot from the network: the agent, with the workflow that waits for it, or its disk. */
export interface BootDecision {
  readonly boots: 'agent' | 'disk';
  readonly workflowId: string | null;
}

/** An agent without boot_id that checks in after this long a silence in mid-workflow has booted anew. */
const silentBootMs = 120_000;

/** States in which a machine with nothing to do belongs to its own system, Error not among them: its
 *  disk may have been left unbootable. */
const endsOnDisk: ReadonlySet<MachineStateName> = new Set([
  'Discovered',
  'Ready',
  'Provisioned',
  'Offline',
]);

/** The order of the agent that checks in or beats. `workflow` is the machine's current one, if it has
 *  one and it is there. */
export function decide(
  machine: Machine,
  workflow: Workflow | undefined,
  circumstances: Circumstances,
): Decision {
  const state = stateName(machine.status.state);
  const bootId = machine.report?.boot_id ?? null;
  const until = forgottenAt(machine.local_boot, circumstances.now);
  const wait: Decision = {
    state,
    action: 'wait',
    workflowId: null,
    bootId,
    ...(until === undefined ? {} : { until }),
  };
  if (state !== 'Offline' && workflow !== undefined && isActive(workflow)) {
    if (hasLeft(workflow) && bootId !== workflow.status?.startedByBoot) {
      return isKept(machine, circumstances) ? wait : { ...wait, action: 'localboot' };
    }
    return mayRun(machine, workflow, circumstances.now)
      ? { ...wait, action: 'execute', workflowId: workflow.metadata.name }
      : wait;
  }
  const hasOs = toldOfOs(machine) || machine.overdue_workflow !== undefined;
  const goes = hasOs && mayLeave(machine, circumstances);
  return goes ? { ...wait, action: 'localboot' } : wait;
}

/** True if this boot of the machine may begin its workflow, or go on with it. */
export function mayBegin(machine: Machine, workflow: Workflow, bootId: string, now: Date): boolean {
  const id = workflow.metadata.name;
  if (machine.status.current_workflow !== id) return false;
  if (machine.report?.boot_id !== bootId) return false;
  return decide(machine, workflow, { now, isHeld: false }).workflowId === id;
}

/** The boot of a machine that asks for its boot script. It booted anew: what ran before has ended. */
export function decideBoot(
  machine: Machine,
  workflow: Workflow | undefined,
  circumstances: Circumstances,
): BootDecision {
  const state = stateName(machine.status.state);
  const isInstalled = existingOs(machine) !== null;
  if (state !== 'Offline' && workflow !== undefined && isActive(workflow)) {
    if (hasLeft(workflow)) {
      // A workflow that only reboots has installed nothing.
      const hasSystem = confirmationFor(workflow) !== 'boot' || isInstalled;
      const leaves = hasSystem && !isKept(machine, circumstances);
      return { boots: leaves ? 'disk' : 'agent', workflowId: null };
    }
    const isWaiting = workflow.status?.state !== 'STATE_RUNNING' && workflow.held === undefined;
    const waits = isWaiting && unplannedLoss(machine, workflow) === undefined;
    return { boots: 'agent', workflowId: waits ? workflow.metadata.name : null };
  }
  const isDone = state === 'Provisioned' || state === 'Offline';
  const hasOs = isDone || isInstalled || machine.overdue_workflow !== undefined;
  const leaves = hasOs && mayLeave(machine, circumstances);
  return { boots: leaves ? 'disk' : 'agent', workflowId: null };
}

/** The system or the data that the workflow, not yet begun, would overwrite although nobody asked for it,
 *  because it turned up on the planned disk after the workflow was planned. */
export function unplannedLoss(machine: Machine, workflow: Workflow): string | undefined {
  const { writesDisks, reimage, plan } = workflow.spec;
  if (workflow.status?.state !== 'STATE_PENDING' || writesDisks !== true) return undefined;
  if (reimage === true) return undefined;
  const os = existingOs(machine);
  const disk = plan?.disk ?? null;
  if (os !== null && !isPlannedLoss(machine, disk, os, plan?.lost ?? [])) return os.name;
  const { disks } = machine.hardware;
  const found = disk === null ? disks : asPlanned(disk, disks);
  const data = found
    .flatMap(({ contents = [] }) => contents)
    .filter((one) => !(plan?.contents ?? []).some((before) => isSameData(before, one)))
    // An interrupted attempt leaves something that is not known.
    .find(({ type }) => (workflow.status?.attempts ?? 0) === 0 || type !== 'data');
  return data === undefined ? undefined : nameOfData(data);
}

function isPlannedLoss(
  machine: Machine,
  disk: PlannedDisk | null,
  os: StoredOs,
  lost: readonly string[],
): boolean {
  return disk !== null && (!isOnPlanned(machine, disk, os) || lost.includes(os.name));
}

/** The kernel may call its device by another name by now. */
function isSameData(a: DiskContents, b: DiskContents): boolean {
  if (a.type !== b.type) return false;
  const [was = null, is = null] = [a.uuid, b.uuid];
  return was === null && is === null ? (a.label ?? null) === (b.label ?? null) : was === is;
}

/** True if an earlier boot of the machine began the running workflow and ended before it did.
 *  A workflow of version 0.1.0 does not say who began it, and is never begun again. */
export function isInterrupted(machine: Machine, workflow: Workflow, now: Date): boolean {
  const { state, startedByBoot, lastEventAt, currentAction, bootAskedAt } = workflow.status ?? {};
  if (state !== 'STATE_RUNNING' || hasLeft(workflow)) return false;
  const bootId = machine.report?.boot_id ?? null;
  if (startedByBoot === undefined || startedByBoot !== bootId) return true;
  // An agent that began to leave, and checks in, has left.
  if (bootId === null && (currentAction === 'reboot' || currentAction === 'kexec')) return true;
  // Nor does its firmware run again beneath it: that anybody may ask for a boot script proves nothing as long as
  // the agent goes on reporting.
  const wasReset = Date.parse(bootAskedAt ?? '') >= Date.parse(lastEventAt ?? '');
  if (bootId === null && wasReset) return true;
  // After an event from the future the clock was set back: how long ago that was, nobody knows.
  const silentMs = Math.abs(now.getTime() - Date.parse(lastEventAt ?? ''));
  return bootId === null && silentMs >= silentBootMs;
}

/** True if an agent that sends no boot_id was heard from in the running workflow of late. */
export function isReporting({ status }: Workflow, now: Date): boolean {
  if (status?.state !== 'STATE_RUNNING') return false;
  return Math.abs(now.getTime() - Date.parse(status.lastEventAt ?? '')) < silentBootMs;
}

/** True if a system lies on the planned disk, which the kernel may call by another name by now. */
function isOnPlanned(machine: Machine, planned: PlannedDisk, os: StoredOs): boolean {
  const now = asPlanned(planned, machine.hardware.disks);
  return now.length === 0 ? holds(planned, os) : now.some((disk) => holds(disk, os));
}

function mayRun(machine: Machine, workflow: Workflow, now: Date): boolean {
  if (workflow.held !== undefined || machine.report?.shows_less === true) return false;
  return unplannedLoss(machine, workflow) === undefined && !isInterrupted(machine, workflow, now);
}

/** True if the agent's own boot found the system that it would be sent to. What an earlier boot found
 *  counts only for agents without boot_id, and only on machines that were provisioned or set aside. */
function toldOfOs(machine: Machine): boolean {
  if (existingOs(machine) === null) return false;
  const { boot_id: bootId = null, tells_os: isTold = false } = machine.report ?? {};
  const state = stateName(machine.status.state);
  return isTold || (bootId === null && (state === 'Provisioned' || state === 'Offline'));
}

function mayLeave(machine: Machine, circumstances: Circumstances): boolean {
  const state = stateName(machine.status.state);
  // A system that was not heard of in time was installed whole all the same.
  const isWhole = endsOnDisk.has(state) || machine.overdue_workflow !== undefined;
  return isWhole && !isKept(machine, circumstances);
}

/** True for a machine that stays in the agent, whatever is on its disks. */
function isKept(machine: Machine, { isHeld, now }: Circumstances): boolean {
  return isHeld || keepsComingBack(machine.local_boot, now);
}
