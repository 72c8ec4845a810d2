// Checks the fields of an action before anything is changed. By hand and not by the schema: a schema
// library takes the agent 40 MB. The types hold both together, and a test compares their verdicts.
import { AppError } from '../core/errors.ts';
import type { ActionName, Fields } from './action.ts';

/** Returns the fault of a value; undefined if it has none. */
type Check = (value: unknown) => string | undefined;

interface Field {
  readonly check: Check;
  readonly isRequired?: boolean;
}

const text =
  (max = 4096): Check =>
  (value) =>
    typeof value === 'string' && value.length <= max
      ? undefined
      : `must be text of at most ${max} characters`;
const whole =
  (max: number): Check =>
  (value) =>
    Number.isInteger(value) && Number(value) >= 0 && Number(value) <= max
      ? undefined
      : `must be a whole number of at most ${max}`;
const flag: Check = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false');
const oneOf =
  (...values: string[]): Check =>
  (value) =>
    values.some((v) => v === value) ? undefined : `must be one of ${values.join(', ')}`;
/** Hints that name a disk: which one they mean is for the server to say. */
const hints: Check = (value) =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).length <= 16 &&
  Object.entries(value).every(([name, hint]) => name.length <= 64 && isHint(hint))
    ? undefined
    : 'must be hints and their values';
const required: Field = {
  isRequired: true,
  check: (value) => (value === '' ? 'must not be empty' : text()(value)),
};
const optional = (check: Check): Field => ({ check });

function isHint(value: unknown): boolean {
  return text(256)(value) === undefined || Number.isFinite(value) || typeof value === 'boolean';
}

const disk = optional(text(256));
const rootDevice = optional(hints);
const layout = optional(oneOf('gpt-efi', 'gpt-bios', 'single'));
const partition = optional(whole(255));
const size = optional(text(64));
const owner = optional(whole(4_294_967_295));

type FieldsOf<Name extends ActionName> = {
  readonly [Field_ in Exclude<keyof Fields<Name>, 'action' | 'timeout'>]-?: Field;
};

const fields: { readonly [Name in ActionName]: FieldsOf<Name> } = {
  image2disk: {
    url: required,
    disk,
    root_device: rootDevice,
    checksum: optional(text()),
    verify: optional(oneOf('full', 'sampled', 'none')),
  },
  writefile: {
    path: required,
    partition,
    target: optional(oneOf('root', 'esp')),
    fs_type: optional(text(32)),
    content: optional(text(524_288)),
    content_b64: optional(text(524_288)),
    mode: optional(text(16)),
    uid: owner,
    gid: owner,
  },
  partition: {
    disk,
    root_device: rootDevice,
    layout,
    efi_size: size,
    swap_size: size,
    filesystem: optional(oneOf('ext4', 'xfs', 'btrfs', 'none')),
  },
  kexec: {
    partition,
    root_partition: optional(text(256)),
    fs_type: optional(text(32)),
    kernel: optional(text()),
    initrd: optional(text()),
    cmdline: optional(text()),
  },
  efibootmgr: { set_pxe_first: optional(flag), pxe_boot_label: optional(text(256)) },
  seabios: { set_pxe_first: optional(flag), boot_order: optional(text(1024)) },
  reboot: { delay: optional(whole(2 ** 53)) },
  chroot: { disk, partition, fs_type: optional(text(32)), teardown: optional(flag) },
  jetpack: { url: required, binary_url: optional(text()), checksum: optional(text()) },
  debootstrap: {
    suite: required,
    disk,
    root_device: rootDevice,
    layout,
    mirror: optional(text()),
    extra_packages: optional(text(65_536)),
  },
};

/** Checks the fields of an action; a null counts as left out.
 *  Errors: AppError `action.invalid`. */
export function checkFields<Name extends ActionName>(
  name: Name,
  given: Readonly<Record<string, unknown>>,
): asserts given is Fields<Name> & Readonly<Record<string, unknown>> {
  const known = new Map<string, Field>(Object.entries(fields[name]));
  for (const [field, value] of Object.entries(given)) {
    if (field === 'action' || field === 'timeout' || value === null) continue;
    const { check } = known.get(field) ?? {};
    const problem = check === undefined ? 'is not a field that this agent knows' : check(value);
    if (problem !== undefined) throw invalid(name, field, problem);
  }
  for (const [field, { isRequired = false }] of known) {
    if (isRequired && (given[field] ?? null) === null) throw invalid(name, field, 'is missing');
  }
}

function invalid(action: string, field: string, problem: string): AppError {
  return new AppError(
    'action.invalid',
    `${field} of action ${action} ${problem}; correct the template`,
    {
      details: { action, field },
    },
  );
}
