// The warnings of a plan: what is not checked, not known, or will not go as the template seems to mean it. Pure.
import { isLocal } from '../../../identity/traits.ts';
import { closest } from '../../../core/text/closest.ts';
import { isAppError } from '../../../core/errors.ts';
import { shownUrl } from '../../../core/text/shown-url.ts';
import { checkAction, hasChecksum } from '../../../model/actions/checks.ts';
import type { AgentReport } from '../../../model/machine.ts';
import {
  templateActions,
  type Template,
  type TemplateAction,
} from '../../../model/documents/template.ts';
import type { StoredDisk } from '../../../model/hardware/disk.ts';
import { variableNames } from '../../../model/documents/template-variables.ts';
import { mask } from '../settings/secret-settings.ts';
import type { PlannedImage } from './digest.ts';

export interface Planned {
  /** With its variables filled in. */
  readonly template: Template;
  readonly disk: StoredDisk | undefined;
  /** The template needs a disk. */
  readonly isAsked: boolean;
  readonly overwrites: boolean;
  /** undefined: the machine has not checked in yet. */
  readonly report: AgentReport | undefined;
  /** The images of this server that the template names. */
  readonly images: readonly PlannedImage[];
}

/** Sentences. */
export function warningsOf({
  template: { spec },
  disk,
  isAsked,
  overwrites,
  report,
  images: ours,
}: Planned): string[] {
  const images = spec.actions.filter((action) => action.action === 'image2disk');
  const without = images.filter(({ checksum }) => !hasChecksum(checksum));
  return [
    ...missing(images, ours),
    ...ours.filter((one) => isNamed(images, one)).flatMap((one) => ofLook(one, disk)),
    ...spec.actions.flatMap(unusable),
    ...without.map(({ url }) =>
      url.startsWith('http:')
        ? `${shownUrl(url)} comes without encryption and without a checksum: whoever is on the way can change it`
        : `${shownUrl(url)} has no checksum: a wrong image cannot be told from the right one`,
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
    ...(disk !== undefined && overwrites && isShared(disk)
      ? [`${disk.device} is reached over ${disk.transport}: see that no other machine uses it too`]
      : []),
    ...(report === undefined
      ? ['the machine has not checked in yet: neither its disks nor its agent are known']
      : ofAgent(report, disk === undefined && isAsked, overwrites)),
    ...spec.actions.flatMap(unknownFields),
    ...misspelt(spec.actions),
  ];
}

/** True for a disk that stays where it is and that other machines may reach as well. */
function isShared(disk: StoredDisk): boolean {
  const isPlugged = disk.removable === true || disk.virtual_media === true;
  return !isPlugged && disk.transport !== 'usb' && !isLocal(disk);
}

/** Warnings about images that this server does not have, so that no agent gets them. */
function missing(
  images: readonly { readonly url: string }[],
  ours: readonly PlannedImage[],
): string[] {
  return ours
    .filter(({ etag }) => etag === undefined)
    .filter((one) => isNamed(images, one))
    .map(({ name }) => `this server has no image ${name} to give out: the agent will not get it`);
}

function isNamed(images: readonly { readonly url: string }[], { name }: PlannedImage): boolean {
  return images.some(({ url }) => url.includes(`/images/${name}`));
}

/** Warnings about an image of this server that cannot end well. */
function ofLook({ name, look = {} }: PlannedImage, disk: StoredDisk | undefined): string[] {
  const { unsupported, sizeBytes, hasTable } = look;
  if (unsupported !== undefined) {
    return [
      `${name} of this server is ${unsupported}, which the agent refuses: convert it to raw or qcow2`,
    ];
  }
  const isTooLarge = disk !== undefined && sizeBytes !== undefined && sizeBytes > disk.size_bytes;
  return [
    ...(isTooLarge
      ? [
          `${name} of this server has ${sizeBytes} bytes, and ${disk.device} has ${disk.size_bytes}: the agent refuses it`,
        ]
      : []),
    ...(hasTable === false
      ? [`${name} of this server begins with no partition table: firmware may not boot the disk`]
      : []),
  ];
}

/** Says of an action that our agent refuses it, before anything is changed; Dragonfly's may read it otherwise. Nothing of
 *  one that has a secret, in whose place something else is shown. */
function unusable(action: TemplateAction): string[] {
  try {
    checkAction(action);
    return [];
  } catch (err) {
    if (!isAppError(err, 'action.invalid')) throw err;
    const hasSecret = Object.values(action).some((v) => typeof v === 'string' && v.includes(mask));
    if (hasSecret) return [];
    return [`${action.action}: ${err.message}; the agent refuses the workflow as it is`];
  }
}

/** Warnings about what its agent did not tell, and does not do. */
function ofAgent(
  { boot_id: bootId, is_confined: isConfined = false }: AgentReport,
  isWithoutDisks: boolean,
  overwrites: boolean,
): string[] {
  return [
    ...(isConfined && overwrites
      ? [
          "the machine's present agent writes files below a folder of its own and refuses this workflow, which then fails: boot the machine from the network first",
        ]
      : []),
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

/** The part of a field's name that is shown and compared. */
const longestName = 64;

/** Fields that are kept for agents of other versions; ours refuses the workflow for one. */
function unknownFields(action: TemplateAction): string[] {
  const known = Object.keys(templateActions[action.action].properties);
  const unknown = Object.keys(action).filter((field) => !known.includes(field));
  return unknown.map((whole) => {
    const field = whole.slice(0, longestName);
    const near = closest(field, known);
    const meant = near === undefined ? '' : ` (${near}?)`;
    return `${action.action} has no field ${field}${meant}: an agent that does not know it refuses the workflow`;
  });
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
