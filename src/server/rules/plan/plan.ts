// Makes the plan of a workflow from a template and the machine's record. Pure: the image is not looked at.
import { AppError } from '../../../core/errors.ts';
import { stringifyExact } from '../../../core/exact-json.ts';
import type { StoredDisk } from '../../../model/hardware/disk.ts';
import { existingOs, stateName, type AgentReport, type Machine } from '../../../model/machine.ts';
import type { Confirmation, Plan } from '../../../model/documents/plan.ts';
import type { PlannedDisk } from '../../../model/documents/planned-disk.ts';
import type { Template, TemplateAction } from '../../../model/documents/template.ts';
import { confirmationSeconds, defaultTimeoutSeconds } from '../workflow/arrival.ts';
import { variableNames } from '../fill/variables.ts';
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
    left_alone: found.disks.filter((other) => other !== disk).map(plannedDisk),
    actions: actions.map((action) => describeAction(action, disk, isConfined)),
    warnings: [
      ...missing(template, options.images ?? []),
      ...warningsOf(template, disk, isAsked, machine, may),
    ],
    timeout_seconds: template.spec.timeout ?? defaultTimeoutSeconds,
    confirmation: options.confirmation,
    confirmation_seconds: confirmationSeconds,
    enforced,
  };
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

function warningsOf(
  { spec }: Template,
  disk: StoredDisk | undefined,
  isAsked: boolean,
  { report }: Machine,
  { overwrites }: Permissions,
): string[] {
  const images = spec.actions.filter((action) => action.action === 'image2disk');
  const without = images.filter(({ checksum }) => checksum === undefined || checksum === '');
  return [
    ...without.map(({ url }) =>
      url.startsWith('http:')
        ? `${url} comes without encryption and without a checksum: whoever is on the way can change it`
        : `${url} has no checksum: a wrong image cannot be told from the right one`,
    ),
    ...(images.length > 0
      ? ['the size of the image is compared with the disk before it is written']
      : []),
    ...(disk !== undefined && overwrites && disk.contents === undefined
      ? [`the machine's agent did not say what is on ${disk.device}`]
      : []),
    ...(disk !== undefined && disk.serial === null && (disk.wwn ?? null) === null
      ? [`${disk.device} has neither serial nor WWN: it is known by path, size and model alone`]
      : []),
    ...(report === undefined
      ? ['the machine has not checked in yet: neither its disks nor its agent are known']
      : ofAgent(report, disk === undefined && isAsked)),
    ...misspelt(spec.actions),
  ];
}

/** Warnings about images that this server does not have, so that no agent gets them. */
function missing({ spec }: Template, images: readonly PlannedImage[]): string[] {
  return images
    .filter(({ etag }) => etag === undefined)
    .filter(({ name }) =>
      spec.actions.some((one) => one.action === 'image2disk' && one.url.includes(`/${name}`)),
    )
    .map(({ name }) => `this server has no image ${name} to give out: the agent will not get it`);
}

/** Warnings about what its agent did not tell, and does not do. */
function ofAgent({ boot_id: bootId }: AgentReport, isWithoutDisks: boolean): string[] {
  return [
    ...(isWithoutDisks
      ? ["the machine's agent reported no disks: which one is written is not known"]
      : []),
    ...(bootId === null
      ? [
          "the machine's agent does not compare its disk with this plan, and reports nothing after it begins to reboot or kexec",
        ]
      : []),
  ];
}

/** A variable of ours with a filter or in a condition, as Jinja has them. */
const expression = new RegExp(
  `\\{(?:\\{-?\\s*|%-?\\s*(?:el)?if\\s+(?:not\\s+)?)(${variableNames.join('|')})\\b(?!\\.|\\s*\\}\\})[^{}]*\\}{1,2}`,
  'g',
);

/** Braces that were left as they are but look like a variable of ours. */
function misspelt(actions: readonly TemplateAction[]): string[] {
  const text = actions
    .flatMap((action) => Object.values(action))
    .filter((value) => typeof value === 'string')
    .join('\n');
  const left = [...text.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].map((m) => m[1] ?? '');
  const expressions = new Map([...text.matchAll(expression)].map(([whole, name]) => [whole, name]));
  return [
    ...[...new Set(left)].map((name) => `{{ ${name} }} is not a variable and stays as it is`),
    ...[...expressions].map(
      ([whole, name]) =>
        `${whole} is an expression and stays as it is: {{ ${name} }} alone is filled in`,
    ),
  ];
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
