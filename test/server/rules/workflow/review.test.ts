import { describe, expect, it } from 'vitest';
import type { StoredDisk } from '../../../../src/model/hardware/disk.ts';
import type { Template } from '../../../../src/model/documents/template.ts';
import type { Workflow } from '../../../../src/model/documents/workflow.ts';
import type { Machine } from '../../../../src/model/machine.ts';
import { planWorkflow } from '../../../../src/server/rules/plan/plan.ts';
import { review } from '../../../../src/server/rules/workflow/review.ts';
import { newMachine } from '../machine.ts';

const now = new Date('2026-01-01T12:00:00Z');
const template: Template = {
  apiVersion: 'dragonfly.computer/v1',
  kind: 'Template',
  metadata: { name: 't' },
  spec: { actions: [{ action: 'image2disk', url: 'https://x/a.raw', checksum: 'ab'.repeat(32) }] },
};

function machine(bootId: string, disks: readonly StoredDisk[]): Machine {
  const fresh = newMachine();
  return {
    ...fresh,
    hardware: { ...fresh.hardware, disks: [...disks] },
    report: {
      at: now.toISOString(),
      hostname: null,
      ip_address: null,
      bmc_address: null,
      existing_os: null,
      nameservers: [],
      boot_id: bootId,
      agent_version: null,
      matched_by: 'new',
      evidence: [],
      problems: [],
    },
  };
}

function disksBy(serialOf: (name: string) => string | null): StoredDisk[] {
  return ['vda', 'vdb'].map((name) => ({
    device: `/dev/${name}`,
    size_bytes: 480 * 2 ** 30,
    model: null,
    serial: serialOf(name),
    contents: [],
  }));
}

/** A workflow that waits, as it was planned in the boot "a". */
function waiting(disks: readonly StoredDisk[]): Workflow {
  const options = { reimage: false, confirmed: false, confirmation: 'none' } as const;
  return {
    kind: 'Workflow',
    metadata: { name: 'w' },
    spec: {
      hardwareRef: 'm',
      templateRef: 't',
      writesDisks: true,
      plan: planWorkflow(machine('a', disks), template, options),
    },
    status: { state: 'STATE_PENDING' },
  };
}

describe('a workflow that waits', () => {
  it('for a disk that only its name tells from another one ends with the boot', () => {
    const twins = disksBy(() => null);
    const workflow = waiting(twins);
    expect(review(machine('a', twins), workflow, now)).toBe(workflow);
    const { status } = review(machine('b', twins), workflow, now);
    expect(status).toMatchObject({ state: 'STATE_FAILED' });
    expect(status?.error).toContain('another disk looks like the planned one');
  });

  it('for one of two namespaces, which have one serial, does not mind what is on the other', () => {
    const [one, other] = disksBy(() => 'NVME-1');
    if (one === undefined || other === undefined) throw new Error('there are two');
    const blank = { ...one, wwn: 'eui.01' };
    const used = { ...other, wwn: 'eui.02', contents: [{ device: '/dev/vdb1', type: 'ext4' }] };
    const workflow = waiting([blank, { ...used, size_bytes: 960 * 2 ** 30 }]);
    expect(workflow.spec.plan?.disk?.wwn).toBe('eui.01');
    expect(review(machine('b', [blank, used]), workflow, now)).toBe(workflow);
    const both = [{ ...blank, contents: used.contents }, used];
    expect(review(machine('b', both), workflow, now).status?.error).toContain('was found');
  });

  it('for a disk with a serial waits for the next boot', () => {
    const disks = disksBy((name) => `S-${name}`);
    const workflow = waiting(disks);
    expect(review(machine('b', disks), workflow, now)).toBe(workflow);
  });
});
