// The digest of a plan: an order that carries it starts a workflow only if that is still what was shown. It has a part
// for each thing that may change, so that the refusal can name what did. Pure.
import { AppError } from '../../../core/errors.ts';
import type { Plan } from '../../../model/documents/plan.ts';
import type { PlannedDisk } from '../../../model/documents/planned-disk.ts';
import type { Template } from '../../../model/documents/template.ts';
import type { Machine } from '../../../model/machine.ts';
import { fingerprint } from '../etag.ts';

/** An image of this server that a template names. */
export interface PlannedImage {
  readonly name: string;
  /** undefined: the server has no such image. */
  readonly etag: string | undefined;
  /** undefined: not computed yet. */
  readonly sha256: string | undefined;
  /** undefined: the server has no such image. */
  readonly look?: ImageLook | undefined;
}

/** The beginning of an image, as far as it can be told by that alone. */
export interface ImageLook {
  /** The name of what it is instead, where that is no image: "a VMDK image". */
  readonly unsupported?: string;
  /** The size of the disk in it. */
  readonly sizeBytes?: number;
  readonly hasTable?: boolean;
}

/** All that decides what is written, and where. */
export interface Shown {
  readonly machine: Machine;
  readonly plan: Plan;
  readonly template: Template;
  /** The template with its variables filled in, secrets masked. */
  readonly filled: Template;
  readonly images: readonly PlannedImage[];
  /** The risks that the operator accepts, and other choices beside the template. */
  readonly accepted: Readonly<Record<string, boolean>>;
}

const version = '1';

const words = [
  'the machine',
  'the disk',
  'what is on the disk',
  'the agent',
  'the template',
  'its actions as filled in',
  'an image',
  'what is accepted',
] as const;

/** Shape: parts joined by dots, the version of their composition first. */
export function planDigest({ machine, plan, template, filled, images, accepted }: Shown): string {
  const sums = images.map(({ name, sha256 }) => [name, sha256 ?? null]);
  const areSummed = images.every(({ etag, sha256 }) => etag === undefined || sha256 !== undefined);
  const etags = images.map(({ name, etag }) => [name, etag ?? null]);
  const parts = {
    'the machine': fingerprint(machine.id),
    'the disk': fingerprint(plan.disk),
    'what is on the disk': fingerprint([plan.lost, plan.contents]),
    'the agent': fingerprint([plan.enforced, machine.report?.is_confined === true]),
    'the template': fingerprint(template),
    'its actions as filled in': fingerprint(filled.spec.actions),
    // Either proves an image the same: sums are computed late, and servers of one store have files of their own.
    'an image': `${fingerprint(etags)}~${areSummed ? fingerprint(sums) : ''}`,
    'what is accepted': fingerprint(accepted),
  } satisfies Record<(typeof words)[number], string>;
  return [version, ...words.map((word) => parts[word])].join('.');
}

/** Refuses an order whose digest was made of another plan. Errors: AppError `plan.changed`. */
export function refuseChanged(shown: string, now: string, disk: PlannedDisk | null): void {
  const changed = changedParts(shown, now);
  if (changed?.length === 0) return;
  const what =
    changed?.map((word) => (word === 'the disk' ? `${word} (now ${nameOf(disk)})` : word)) ?? [];
  const why =
    changed === undefined
      ? 'the plan was shown by another version of the server'
      : `the plan changed since it was shown: ${what.join(', ')}`;
  throw new AppError('plan.changed', `${why}; look at it again before you repeat this`, {
    details: { changed: changed ?? [] },
  });
}

/** undefined: the digests have not the same parts. */
function changedParts(shown: string, now: string): string[] | undefined {
  const [before, after] = [shown, now].map((digest) => digest.split('.'));
  if (before?.[0] !== version || before.length !== after?.length) return undefined;
  return words.filter((_, i) => !isSame(before[i + 1] ?? '', after[i + 1] ?? ''));
}

/** A part may have two halves, of which the second may be missing: one that is equal is enough. */
function isSame(one: string, other: string): boolean {
  const halves = other.split('~');
  return one.split('~').some((half, i) => half !== '' && half === halves[i]);
}

function nameOf(disk: PlannedDisk | null): string {
  if (disk === null) return 'none that is known';
  const { device, model, serial, wwn } = disk;
  return [device, model, serial ?? wwn].filter(Boolean).join(' ');
}
