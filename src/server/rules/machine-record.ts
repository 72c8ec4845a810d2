// The Machine record that a check-in makes: a new one, or the known one brought up to date. Pure. What a
// check-in does not tell stays as it was, and so do the fields of other versions.
import { isSameJson } from '../../core/same-json.ts';
import type { Evidence } from '../../identity/evidence.ts';
import { computeIdentityHash } from '../../identity/hash.ts';
import { memorableName } from '../../identity/memorable-name.ts';
import { ownUuid } from '../../identity/placeholders.ts';
import type { CheckinRequest } from '../../model/api/agent.ts';
import type { MachineChange } from '../../model/history.ts';
import type { Resolution } from '../../identity/resolution/resolve.ts';
import { believing, type Belief } from './belief.ts';
import type { AgentReport, Machine, MachineIdentity } from '../../model/machine.ts';
import type { Problem } from '../../model/problem.ts';
import { told } from '../../model/api/wire.ts';
import { changesBetween } from './history.ts';
import { hardwareOf, noHardware } from './record/hardware.ts';
import { withinLimit } from './record/limit.ts';
import { senderOf } from './record/sender.ts';
import { storedShell } from './settings/ssh-keys.ts';

/** The number of earlier boots kept for a machine. */
const keptBoots = 4;
/** The number of problems kept that heartbeats told. */
const keptLaterProblems = 32;

/** A check-in and what was made of it. */
export interface Sighted {
  readonly shown: Evidence;
  readonly request: CheckinRequest;
  readonly resolution: Resolution;
  /** The check-in showed a MAC and nothing else that tells the machine from others. */
  readonly showsLess?: boolean;
  /** Where it came from, if it came without a token. */
  readonly from?: string | null;
}

export function newMachine(id: string, sighted: Sighted, now: Date): Machine {
  const { shown, request } = sighted;
  const believe = believing(request);
  const at = now.toISOString();
  return withinLimit({
    id,
    identity: identityOf(undefined, shown),
    status: {
      state: 'Discovered',
      last_seen: at,
      current_workflow: null,
      last_workflow_result: null,
    },
    hardware: hardwareOf(noHardware, request, believe),
    config: {
      hostname: request.hostname ?? null,
      memorable_name: memorableName(shown.primaryMac),
      os_choice: null,
      tags: [],
      bmc: null,
    },
    metadata: { created_at: at, updated_at: at, labels: {}, source: 'Agent' },
    report: reportOf(undefined, sighted, believe, at),
    ...cluesOf(shown, undefined),
  });
}

export interface Returning {
  /** The known machine, seen now, with what the check-in tells. */
  readonly machine: Machine;
  /** It says the same as before, but for when and how that came about. */
  readonly isSame: boolean;
  /** For its history. */
  readonly changes: readonly MachineChange[];
}

export function returningMachine(known: Machine, sighted: Sighted, now: Date): Returning {
  const believe = believing(sighted.request);
  const at = now.toISOString();
  const whole: Machine = {
    ...known,
    identity: identityOf(known.identity, sighted.shown),
    hardware: hardwareOf(known.hardware, sighted.request, believe),
    report: reportOf(known, sighted, believe, at),
    status: { ...known.status, last_seen: at },
    ...cluesOf(sighted.shown, known.disk_clues),
  };
  // Nothing that is stored already is measured again.
  if (saysTheSame(known, whole)) return { machine: whole, isSame: true, changes: [] };
  const machine = withinLimit(whole);
  if (machine !== whole && saysTheSame(known, machine)) {
    return { machine, isSame: true, changes: [] };
  }
  return {
    machine: { ...machine, metadata: { ...known.metadata, updated_at: at } },
    isSame: false,
    changes: changesBetween(known, machine, at),
  };
}

/** The disks that the machine is found by: those shown, or as before where none are. */
function cluesOf(
  { diskClues }: Evidence,
  known: readonly string[] | undefined,
): Pick<Machine, 'disk_clues'> {
  if (diskClues.length > 0) return { disk_clues: [...diskClues] };
  return known === undefined ? {} : { disk_clues: [...known] };
}

function saysTheSame(known: Machine, now: Machine): boolean {
  return isSameJson(comparable(known), comparable(now));
}

/** The contents of a check-in, without its time and the way it was recognised. */
function comparable({ identity, hardware, report }: Machine): unknown {
  const {
    at: _at,
    sequence: _sequence,
    is_new: _isNew,
    matched_by: _by,
    evidence: _why,
    ...rest
  } = report ?? {};
  return { identity, hardware, report: rest };
}

/** The identity with the newer values; its hash is always that of its own fields. */
function identityOf(known: MachineIdentity | undefined, shown: Evidence): MachineIdentity {
  const all_macs = [...(shown.macs ?? known?.all_macs ?? [shown.primaryMac])];
  const smbios_uuid = shown.smbiosUuid ?? ownUuid(known?.smbios_uuid);
  const machine_id = shown.machineId ?? known?.machine_id ?? null;
  const isAllShown =
    (shown.macs !== undefined || known === undefined) &&
    smbios_uuid === shown.smbiosUuid &&
    machine_id === shown.machineId;
  return {
    ...known,
    // A made-up address is another one at each boot.
    primary_mac:
      all_macs.length === 0 ? (known?.primary_mac ?? shown.primaryMac) : shown.primaryMac,
    all_macs,
    smbios_uuid,
    machine_id,
    identity_hash: isAllShown
      ? shown.identityHash
      : computeIdentityHash(all_macs, smbios_uuid, machine_id),
  };
}

function reportOf(
  machine: Machine | undefined,
  { shown, request, resolution, showsLess: isLess = false, from = null }: Sighted,
  believe: Belief,
  at: string,
): AgentReport {
  const known = machine?.report;
  const existingOs = believe(request.existing_os);
  const {
    from_address: _from,
    doubted_workflow: _doubted,
    tells_os: _before,
    shows_less: _proved,
    is_confined: _was,
    in_image: _ran,
    remote_shell: _open,
    fixed_address: _had,
    later_problems: later,
    ...kept
  } = known ?? {};
  const isSameBoot = known !== undefined && known.boot_id === shown.bootId;
  return {
    hostname: null,
    ip_address: null,
    bmc_address: null,
    existing_os: null,
    nameservers: [],
    agent_version: null,
    // An empty list counts here: what could not be read before can be read now.
    problems: request.problems ?? [],
    ...kept,
    ...told({
      hostname: request.hostname,
      ip_address: request.ip_address,
      bmc_address: request.bmc_address,
      nameservers: believe(request.nameservers),
      agent_version: request.agent_version,
      boot_timeline: request.boot_timeline,
      problems: request.problems,
    }),
    ...senderOf(machine, request, from),
    ...(existingOs === undefined ? {} : { existing_os: existingOs }),
    ...(tellsOs(known, shown.bootId, request) ? { tells_os: true } : {}),
    ...(isLess ? { shows_less: true } : {}),
    ...(request.is_confined === true ? { is_confined: true } : {}),
    ...(request.in_image === true ? { in_image: true } : {}),
    ...shellOf(request, isLess),
    ...(request.fixed_address === undefined ? {} : { fixed_address: request.fixed_address }),
    ...(isSameBoot && later !== undefined ? { later_problems: later } : {}),
    at,
    boot_id: shown.bootId,
    sequence: shown.sequence,
    earlier_boots: earlierBoots(known, shown.bootId),
    is_new: resolution.machineId === undefined,
    matched_by: resolution.matchedBy,
    evidence: resolution.evidence,
  };
}

/** Operators trust the host key of a machine, and whoever knows a MAC alone is none. */
function shellOf(
  { in_image: isInImage, remote_shell: shell }: CheckinRequest,
  isLess: boolean,
): Pick<AgentReport, 'remote_shell'> {
  if (isInImage !== true || shell === undefined || isLess) return {};
  return { remote_shell: storedShell(shell) };
}

/** The machine with problems that its agent told with a heartbeat; the same one where they are known. */
export function withLaterProblems(
  machine: Machine,
  problems: readonly Problem[],
  now: Date,
): Machine {
  const { report } = machine;
  if (report === undefined) return machine;
  const before = report.later_problems ?? [];
  const isNew = (p: Problem): boolean =>
    ![...before, ...report.problems].some((q) => describes(q, p));
  const news = problems.filter(
    (p, i) => isNew(p) && problems.findIndex((q) => describes(q, p)) === i,
  );
  if (news.length === 0) return machine;
  const at = now.toISOString();
  const added = news.map(({ code, section, source, message }) => ({
    code,
    section,
    source,
    message,
    at,
  }));
  const later_problems = [...added.toReversed(), ...before].slice(0, keptLaterProblems);
  return withinLimit({ ...machine, report: { ...report, later_problems } });
}

function describes(a: Problem, b: Problem): boolean {
  return (
    a.code === b.code && a.section === b.section && a.source === b.source && a.message === b.message
  );
}

/** True if this boot found a system on the disks, now or at an earlier check-in. */
function tellsOs(
  known: AgentReport | undefined,
  bootId: string | null,
  { existing_os }: CheckinRequest,
): boolean {
  if (existing_os !== undefined) return existing_os !== null;
  return bootId !== null && known?.boot_id === bootId && known.tells_os === true;
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
