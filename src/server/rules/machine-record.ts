// A Machine record out of a check-in: a new one, or the known one brought up to date. Pure. What a
// check-in does not tell stays as it was, and so do fields of other versions.
import type { Evidence } from '../../identity/evidence.ts';
import { computeIdentityHash } from '../../identity/hash.ts';
import { memorableName } from '../../identity/memorable-name.ts';
import type { CheckinRequest } from '../../model/api.ts';
import type { MachineChange } from '../../model/history.ts';
import type { Resolution } from '../../identity/resolve.ts';
import { believed } from './belief.ts';
import type { AgentReport, HardwareInfo, Machine, MachineIdentity } from '../../model/machine.ts';
import type { StoredDisk } from '../../model/hardware/disk.ts';
import type { StoredInterface } from '../../model/hardware/network-interface.ts';

/** How many earlier boots of a machine are remembered. */
const keptBoots = 4;

export function newMachine(
  id: string,
  shown: Evidence,
  request: CheckinRequest,
  resolution: Resolution,
  now: string,
): Machine {
  return {
    id,
    identity: identityOf(undefined, shown),
    status: {
      state: 'Discovered',
      last_seen: now,
      current_workflow: null,
      last_workflow_result: null,
    },
    hardware: hardwareOf(noHardware, request),
    config: {
      hostname: request.hostname ?? null,
      memorable_name: memorableName(shown.primaryMac),
      os_choice: null,
      tags: [],
      bmc: null,
    },
    metadata: { created_at: now, updated_at: now, labels: {}, source: 'Agent' },
    report: reportOf(undefined, shown, request, resolution, now),
  };
}

/** The known machine with what the check-in tells. */
export function returningMachine(
  machine: Machine,
  shown: Evidence,
  request: CheckinRequest,
  resolution: Resolution,
  now: string,
): Machine {
  return {
    ...machine,
    identity: identityOf(machine.identity, shown),
    hardware: hardwareOf(machine.hardware, request),
    report: reportOf(machine.report, shown, request, resolution, now),
  };
}

/** Whether two states of a machine say the same of it, but for when and how they came about. */
export function saysTheSame(before: Machine, after: Machine): boolean {
  return comparable(before) === comparable(after);
}

function comparable(machine: Machine): string {
  const {
    at: _at,
    sequence: _sequence,
    is_new: _isNew,
    matched_by: _by,
    evidence: _why,
    ...report
  } = machine.report ?? {};
  return JSON.stringify({ ...machine, report });
}

/** The identity with the newer values; its hash is always that of its own fields. */
function identityOf(known: MachineIdentity | undefined, shown: Evidence): MachineIdentity {
  const all_macs = [...(shown.macs ?? known?.all_macs ?? [shown.primaryMac])];
  const smbios_uuid = shown.smbiosUuid ?? known?.smbios_uuid ?? null;
  const machine_id = shown.machineId ?? known?.machine_id ?? null;
  return {
    ...known,
    primary_mac: shown.primaryMac,
    all_macs,
    smbios_uuid,
    machine_id,
    identity_hash: computeIdentityHash(all_macs, smbios_uuid, machine_id),
  };
}

const noHardware: HardwareInfo = {
  cpu_model: null,
  cpu_cores: null,
  memory_bytes: null,
  disks: [],
  network_interfaces: [],
  is_virtual: false,
  virt_platform: null,
};

function hardwareOf(known: HardwareInfo, sent: CheckinRequest): HardwareInfo {
  const request = believed(sent);
  return {
    ...known,
    ...told({
      cpu_model: request.cpu_model,
      cpu_cores: request.cpu_cores,
      cpu_threads: request.cpu_threads,
      memory_bytes: request.memory_bytes,
      is_virtual: request.is_virtual,
      virt_platform: request.virt_platform,
      gpus: request.gpus,
    }),
    disks: request.disks?.map((disk) => storedDisk(disk, known.disks)) ?? known.disks,
    network_interfaces:
      request.interfaces?.map((port) => storedInterface(port, known.network_interfaces)) ??
      known.network_interfaces,
  };
}

function storedDisk(
  { name, ...disk }: NonNullable<CheckinRequest['disks']>[number],
  known: readonly StoredDisk[],
): StoredDisk {
  const device = name.startsWith('/dev/') ? name : `/dev/${name}`;
  const before = known.find((d) => d.device === device && d.serial === (disk.serial ?? null));
  return {
    model: null,
    serial: null,
    ...before,
    ...told(disk),
    device,
    size_bytes: disk.size_bytes,
  };
}

function storedInterface(
  port: NonNullable<CheckinRequest['interfaces']>[number],
  known: readonly StoredInterface[],
): StoredInterface {
  const before = known.find((p) => p.name === port.name && p.mac === port.mac);
  return { speed_mbps: null, ...before, ...told(port), name: port.name, mac: port.mac };
}

function reportOf(
  known: AgentReport | undefined,
  shown: Evidence,
  request: CheckinRequest,
  resolution: Resolution,
  now: string,
): AgentReport {
  const said = believed(request);
  return {
    hostname: null,
    ip_address: null,
    bmc_address: null,
    existing_os: null,
    nameservers: [],
    agent_version: null,
    // None is an answer here: what could not be read before can be read now.
    problems: request.problems ?? [],
    ...known,
    ...told({
      hostname: request.hostname,
      ip_address: request.ip_address,
      bmc_address: request.bmc_address,
      nameservers: said.nameservers,
      agent_version: request.agent_version,
      boot_timeline: request.boot_timeline,
      problems: request.problems,
    }),
    ...(said.existing_os === undefined ? {} : { existing_os: said.existing_os }),
    at: now,
    boot_id: shown.bootId,
    sequence: shown.sequence,
    earlier_boots: earlierBoots(known, shown.bootId),
    is_new: resolution.machineId === undefined,
    matched_by: resolution.matchedBy,
    evidence: resolution.evidence,
  };
}

function earlierBoots(
  known: AgentReport | undefined,
  bootId: string | null,
): NonNullable<AgentReport['earlier_boots']> {
  const ended = known?.boot_id ?? null;
  const last = ended === null ? [] : [{ boot_id: ended, sequence: known?.sequence ?? null }];
  return [...last, ...(known?.earlier_boots ?? [])]
    .filter((boot) => boot.boot_id !== bootId)
    .slice(0, keptBoots);
}

/** The fields that say something. */
function told<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const said = Object.entries(fields).filter(([, v]) => v !== undefined && v !== null);
  // The keys are those of T, fewer of them.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(said) as { [K in keyof T]?: NonNullable<T[K]> };
}

/** What a machine changed, for its history. Learning what was not known before is no change. */
export function changesBetween(before: Machine, after: Machine, at: string): MachineChange[] {
  const changes: MachineChange[] = [];
  const add = (what: string, was: Shown, is: Shown): void => {
    changes.push({ at, what, before: was, after: is });
  };
  for (const what of ['primary_mac', 'smbios_uuid', 'machine_id'] as const) {
    const was = before.identity[what];
    if (was !== null && was !== after.identity[what]) add(what, was, after.identity[what]);
  }
  compareSets(before.identity.all_macs, after.identity.all_macs, (...c) => add('mac', ...c));
  for (const what of ['cpu_model', 'cpu_cores', 'cpu_threads', 'memory_bytes'] as const) {
    const was = before.hardware[what] ?? null;
    const is = after.hardware[what] ?? null;
    if (was !== null && was !== is) add(what, was, is);
  }
  compareSets(diskNames(before), diskNames(after), (...c) => add('disk', ...c));
  return changes;
}

type Shown = MachineChange['before'];

function compareSets(
  before: readonly string[],
  after: readonly string[],
  differs: (gone: string | null, added: string | null) => void,
): void {
  if (before.length === 0) return;
  for (const item of new Set(before)) if (!after.includes(item)) differs(item, null);
  for (const item of new Set(after)) if (!before.includes(item)) differs(null, item);
}

/** Disks by what is theirs; the device's name only where nothing else is known. */
function diskNames({ hardware }: Machine): string[] {
  return hardware.disks.map(({ device, model, serial, size_bytes }) =>
    [serial === null ? device : null, model, serial, `${size_bytes} bytes`]
      .filter((part) => part !== null)
      .join(' '),
  );
}
