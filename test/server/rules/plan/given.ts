// Plans of a machine with given disks.
import { AppError } from '../../../../src/core/errors.ts';
import type { StoredDisk } from '../../../../src/model/hardware/disk.ts';
import type { Problem } from '../../../../src/model/problem.ts';
import type { StoredOs } from '../../../../src/model/hardware/existing-os.ts';
import type { Template, TemplateAction } from '../../../../src/model/documents/template.ts';
import { planWorkflow } from '../../../../src/server/rules/plan/plan.ts';
import { newMachine } from '../machine.ts';

export const GiB = 2 ** 30;
export const debian: StoredOs = { name: 'Debian 12', device: '/dev/sda2' };

export function disk(device: string, more: Partial<StoredDisk> = {}): StoredDisk {
  const name = device.slice(5);
  return {
    device,
    size_bytes: 480 * GiB,
    model: 'MZ7L3480',
    serial: `S-${name}`,
    contents: [],
    ...more,
  };
}

export const image = {
  action: 'image2disk',
  url: 'https://x/debian.raw',
  checksum: 'ab'.repeat(32),
} satisfies TemplateAction;

export interface Given {
  readonly problems?: readonly Problem[];
  readonly isConfined?: boolean;
  readonly disks: readonly StoredDisk[];
  readonly actions?: readonly TemplateAction[];
  readonly os?: StoredOs | null;
  readonly reimage?: boolean;
  readonly confirmed?: boolean;
  readonly bootId?: string | null;
}

export function plan({ disks, actions = [image], os = null, bootId = 'a', ...more }: Given) {
  const { problems = [], isConfined = false, ...options } = more;
  const fresh = newMachine();
  const machine = {
    ...fresh,
    hardware: { ...fresh.hardware, disks: [...disks] },
    report: {
      at: fresh.metadata.created_at,
      hostname: null,
      ip_address: null,
      bmc_address: null,
      existing_os: os,
      nameservers: [],
      boot_id: bootId,
      agent_version: null,
      matched_by: 'new' as const,
      evidence: [],
      problems: [...problems],
      is_confined: isConfined,
    },
  };
  const template: Template = {
    apiVersion: 'dragonfly.computer/v1',
    kind: 'Template',
    metadata: { name: 't' },
    spec: { actions: [...actions] },
  };
  return planWorkflow(machine, template, {
    reimage: false,
    confirmed: false,
    confirmation: 'none',
    ...options,
  });
}

/** The planned device, or the code of the refusal. */
export function outcome(given: Given): string {
  try {
    return plan(given).disk?.device ?? 'none';
  } catch (err) {
    return err instanceof AppError ? err.code : String(err);
  }
}

export const withHints = (
  root_device: Record<string, string | number | boolean>,
): TemplateAction[] => [{ ...image, root_device }];
