import { describe, expect, it } from 'vitest';
import { CheckinRequest, WorkflowEvent } from '../../../src/model/api/agent.ts';
import { mend } from '../../../src/server/rules/mend.ts';

const mac = '02:00:00:00:00:01';

describe('a check-in', () => {
  it.each([
    ['u32', 'cpu_cores', 2 ** 32],
    ['u32 below zero', 'cpu_cores', -1],
    ['a whole number', 'cpu_threads', 1.5],
    ['u64', 'memory_bytes', 2n ** 64n],
    ['u64 in a float', 'memory_bytes', 1e300],
    ['a safe integer', 'sequence', 2n ** 53n],
  ])('loses a number that is no %s, with a problem', (_bounds, field, number) => {
    const { value, problems } = mend(CheckinRequest, { mac, [field]: number });
    expect(value).toEqual({ mac });
    expect(problems).toEqual([
      {
        code: 'wire.out-of-range',
        section: field,
        source: `${field} of the check-in`,
        message: `${number} is out of range, and was left out`,
      },
    ]);
  });

  it('keeps the greatest numbers of its bounds', () => {
    const body = { mac, cpu_cores: 2 ** 32 - 1, memory_bytes: 2n ** 64n - 1n, sequence: 0 };
    expect(mend(CheckinRequest, body)).toEqual({ value: body, problems: [] });
  });

  it('loses a disk whose size is no u64, and keeps the others', () => {
    const disks = [
      { name: 'sda', size_bytes: -1 },
      { name: 'sdb', size_bytes: 1, model: null },
    ];
    const { value, problems } = mend(CheckinRequest, { mac, disks });
    expect(value).toEqual({ mac, disks: [{ name: 'sdb', size_bytes: 1 }] });
    expect(problems).toMatchObject([
      { section: 'disks', source: 'disks[0].size_bytes of the check-in' },
    ]);
  });

  it.each([
    ['a text for a list', { disks: 'sda' }],
    ['a list for a text', { hostname: ['a'] }],
    ['an object for a number', { cpu_cores: {} }],
    ['a text for a truth', { is_virtual: 'yes' }],
    ['a system without its device', { existing_os: { name: 'Debian', device: null } }],
    ['a list of nothing that fits', { interfaces: [{ name: 'eth0' }, 7] }],
    ['an address that is no MAC', { all_macs: ['80:00:02:08'] }],
  ])('loses %s, with a problem', (_name, fields) => {
    const { value, problems } = mend(CheckinRequest, { mac, ...fields });
    expect(value).toEqual({ mac });
    expect(problems[0]).toMatchObject({ section: Object.keys(fields)[0] });
  });

  it('keeps a required field as it was sent', () => {
    expect(mend(CheckinRequest, { mac: 7, hostname: 7 }).value).toEqual({ mac: 7 });
  });

  it('of junk leaves no more than 64 problems', () => {
    const disks = Array.from({ length: 999 }, () => ({}));
    expect(mend(CheckinRequest, { mac, disks }).problems).toHaveLength(64);
  });

  it('has its long texts and lists cut', () => {
    const body = {
      mac,
      cpu_model: 'x'.repeat(300),
      nameservers: Array.from({ length: 99 }, () => 'n'),
    };
    const { value } = mend(CheckinRequest, body);
    expect(value).toEqual({
      mac,
      cpu_model: 'x'.repeat(256),
      nameservers: Array.from({ length: 64 }, () => 'n'),
    });
  });

  it('has null only for existing_os', () => {
    const body = { mac, cpu_model: null, disks: null, gpus: null, problems: null };
    expect(mend(CheckinRequest, { ...body, existing_os: null }).value).toEqual({
      mac,
      existing_os: null,
    });
  });

  it('loses the hash of what was mended, and of nothing else', () => {
    const hashed = { mac, identity_hash: 'h', machine_id: 'm' };
    expect(mend(CheckinRequest, { ...hashed, cpu_cores: -1 }).value).toEqual(hashed);
    const all_macs = Array.from({ length: 1025 }, () => mac);
    expect(mend(CheckinRequest, { ...hashed, all_macs }).value).not.toHaveProperty('identity_hash');
  });
});

describe('an event', () => {
  const progress = (fields: object) => ({
    type: 'action_progress',
    action: 'image2disk',
    progress: fields,
  });

  it.each([
    ['above 100', { percent: 255 }, { percent: 100 }],
    ['below 0', { percent: -1 }, { percent: 0 }],
    ['with a long message', { message: 'x'.repeat(1100) }, { message: 'x'.repeat(1024) }],
    ['with bytes that are no u64', { bytes_total: -1, percent: 1 }, { percent: 1 }],
  ])('of progress %s is mended', (_name, sent, taken) => {
    expect(mend(WorkflowEvent, progress(sent)).value).toEqual(progress(taken));
  });
});
