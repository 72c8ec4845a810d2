// Makes the plan of a workflow from a template and the machine's record. Pure: the image is not looked at.
import { AppError } from '../../../core/errors.ts';
import { stringifyExact } from '../../../core/text/exact-json.ts';
import type { StoredDisk } from '../../../model/hardware/disk.ts';
import { existingOs, stateName, type Machine } from '../../../model/machine.ts';
import type { Confirmation, Plan } from '../../../model/documents/plan.ts';
import type { PlannedDisk } from '../../../model/documents/planned-disk.ts';
import type { Template, TemplateAction } from '../../../model/documents/template.ts';
import { confirmationSeconds, defaultTimeoutSeconds } from '../workflow/arrival.ts';
import { writesDisks } from '../templates.ts';
import { describeAction } from './actions.ts';
import {
  candidates,
  chooseDisk,
  dataOn,
  isPartOf,
  type Found,
  type Permissions,
  type Wanted,
} from './disk.ts';
import type { PlannedImage } from './digest.ts';
import { checkHints, isByName } from './hints.ts';
import { warningsOf } from './warnings.ts';

export interface PlanOptions {
  readonly reimage: boolean;
  /** An operator accepts that the machine's agent does not compare its disk with the plan. */
  readonly confirmed: boolean;
  readonly confirmation: Confirmation;
  /** The images of this server that the template names. */
  readonly images?: readonly PlannedImage[];
}

/** `template` has its variables filled in, secrets masked. Errors: AppError `plan.*`, `machine.has-os`,
 *  `request.invalid` for a hint that means nothing. */
export function planWorkflow(machine: Machine, template: Template, options: PlanOptions): Plan {
  const found: Found = {
    disks: machine.hardware.disks,
    existingOs: existingOs(machine),
    unread: unreadBecause(machine),
  };
  const may = { overwrites: writesDisks(template), reimage: options.reimage };
  const { actions } = template.spec;
  const wanted = wantedDisk(actions);
  // An agent that reports no disks at all did not look for any.
  const isKnown = found.disks.length > 0;
  const isConfined = machine.report?.is_confined === true && !may.overwrites;
  const isAsked = needsDisk(actions) && !isConfined;
  const disk = isAsked && isKnown ? diskOf(wanted, found, may) : undefined;
  if (may.overwrites && !may.reimage && !isNamed(wanted)) refuseReimage(machine, template, disk);
  const enforced = (machine.report?.boot_id ?? null) !== null;
  if (!enforced && may.overwrites) refuseUnenforced(wanted, found, options.confirmed);
  return {
    disk: disk === undefined ? null : withBoot(disk, machine),
    overwrites: may.overwrites,
    lost: disk !== undefined && may.overwrites ? dataOn(disk, found) : [],
    contents: disk?.contents ?? null,
    left_alone: found.disks.filter((other) => !isSameDisk(disk, other)).map(plannedDisk),
    actions: actions.map((action) => describeAction(action, disk, isConfined)),
    warnings: warningsOf({
      template,
      disk,
      isAsked,
      overwrites: may.overwrites,
      report: machine.report,
      images: options.images ?? [],
    }),
    timeout_seconds: template.spec.timeout ?? defaultTimeoutSeconds,
    confirmation: options.confirmation,
    confirmation_seconds: confirmationSeconds,
    enforced,
  };
}

/** True for the disk itself, and for another path to it. */
function isSameDisk(disk: StoredDisk | undefined, other: StoredDisk): boolean {
  return disk === other || (disk?.paths ?? []).includes(other.device);
}

/** The reason why the contents of the disks, which were looked for, are not known. */
function unreadBecause({ report }: Machine): string | undefined {
  const problems = report?.problems ?? [];
  return problems.find(({ section }) => section === 'contents' || section === 'record')?.message;
}

/** The disk that a workflow which overwrites none works on: the one with the machine's system. */
function diskOf(wanted: Wanted, found: Found, may: Permissions): StoredDisk {
  const os = found.existingOs;
  const isOpen = wanted.device === 'auto' && wanted.hints === undefined;
  const own =
    may.overwrites || !isOpen || os === null
      ? undefined
      : found.disks.find((disk) => isPartOf(os.device, disk));
  return own ?? chooseDisk(wanted, found, may);
}

/** The actions' description of their one disk. Errors: AppError `plan.ambiguous`, `request.invalid`. */
function wantedDisk(actions: readonly TemplateAction[]): Wanted {
  const said: Wanted[] = actions.flatMap((action) => {
    const device = 'disk' in action && typeof action.disk === 'string' ? action.disk : 'auto';
    const hints = 'root_device' in action ? action.root_device : undefined;
    if (hints !== undefined) checkHints(hints);
    return device === 'auto' && hints === undefined ? [] : [{ device, hints }];
  });
  const [first, ...others] = said;
  if (first === undefined) return { device: 'auto', hints: undefined };
  const isSame = (other: Wanted): boolean => stringifyExact(other) === stringifyExact(first);
  if (others.every(isSame)) return first;
  throw new AppError(
    'plan.ambiguous',
    'the actions of the template name several disks: a workflow has one, name it once',
  );
}

const diskless: ReadonlySet<string> = new Set(['reboot', 'efibootmgr', 'seabios']);

function needsDisk(actions: readonly TemplateAction[]): boolean {
  return actions.some(({ action }) => !diskless.has(action));
}

/** A system that may be on any disk, or one that this server installed, is not overwritten unasked. */
function refuseReimage(
  machine: Machine,
  { metadata }: Template,
  disk: StoredDisk | undefined,
): void {
  const os = existingOs(machine);
  const provisioned = stateName(machine.status.state) === 'Provisioned';
  if (!provisioned && (os === null || disk !== undefined)) return;
  throw new AppError(
    'machine.has-os',
    `the template ${metadata.name} would overwrite ${os?.name ?? 'the provisioned system'}; repeat with "reimage": true to do so`,
    { details: { existing_os: os } },
  );
}

function isNamed({ hints }: Wanted): boolean {
  return hints !== undefined && isByName(hints);
}

function refuseUnenforced(wanted: Wanted, found: Found, confirmed: boolean): void {
  const several = candidates(wanted, found.disks).length > 1;
  if (!several || confirmed) return;
  throw new AppError(
    'plan.ambiguous',
    'the machine runs an agent that does not compare its disk with the plan, and it has several disks: repeat with "confirmed": true, or boot it with this project\'s image',
  );
}

/** Names are the kernel's, and hold for one boot: where another disk looks the same, for that one alone. */
function withBoot(disk: StoredDisk, { hardware, report }: Machine): PlannedDisk {
  const hasTwin = hardware.disks.some((other) => other !== disk && looksLike(disk, other));
  const planned = plannedDisk(disk);
  return hasTwin ? { ...planned, boot_id: report?.boot_id ?? null } : planned;
}

/** True for disks that have neither serial nor WWN, and nothing else to tell one from the other. */
function looksLike(one: StoredDisk, other: StoredDisk): boolean {
  const isNameless = [one, other].every(
    ({ serial, wwn = null }) => serial === null && wwn === null,
  );
  return isNameless && one.size_bytes === other.size_bytes && one.model === other.model;
}

function plannedDisk(disk: StoredDisk): PlannedDisk {
  const { device, serial, wwn = null, size_bytes, model } = disk;
  return { device, serial, wwn, size_bytes, model };
}
