import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { CheckinRequest, HeartbeatRequest, WorkflowEvent } from '../../../src/model/api/agent.ts';
import { Machine } from '../../../src/model/machine.ts';
import { fit } from '../../../src/model/api/wire.ts';

const long = 'x'.repeat(5000);
const overlong: CheckinRequest = {
  mac: '52:54:00:00:00:01',
  hostname: long,
  disks: Array.from({ length: 5000 }, (_, i) => ({
    name: long,
    size_bytes: 1,
    model: long,
    wwn: long,
    paths: i === 0 ? Array.from({ length: 2000 }, () => long) : [],
  })),
  interfaces: [{ name: long, mac: long, vlans: Array.from({ length: 9000 }, (_, i) => i) }],
  gpus: Array.from({ length: 300 }, () => ({ name: long, vendor: long })),
  existing_os: { name: long, device: long, kernel_path: long },
  nameservers: Array.from({ length: 100 }, () => long),
  problems: [{ code: long, section: long, source: long, message: long }],
};

describe('what an agent sends', () => {
  it('is refused where it is too long, and taken once it is cut to the limits', () => {
    expect(Value.Check(CheckinRequest, overlong)).toBe(false);
    const cut = fit(overlong);
    expect([...Value.Errors(CheckinRequest, cut)]).toEqual([]);
    expect(cut.hostname).toHaveLength(255);
    expect(cut.disks).toHaveLength(4096);
    expect(cut.disks?.[0]?.model).toHaveLength(256);
    expect(cut.disks?.[0]?.paths).toHaveLength(1024);
    expect(cut.interfaces?.[0]?.name).toHaveLength(64);
    expect(cut.problems?.[0]?.message).toHaveLength(1024);
  });

  it('is left as it is where it fits', () => {
    const body: CheckinRequest = {
      mac: '52:54:00:00:00:01',
      disks: [{ name: 'sda', size_bytes: 1, removable: false }],
      existing_os: null,
    };
    expect(fit(body)).toEqual(body);
  });

  it('has no null but that of existing_os, which says that there is none', () => {
    const disks = [{ name: 'sda', size_bytes: 1, model: null }];
    const body = { mac: '52:54:00:00:00:01', is_virtual: null, disks, existing_os: null };
    expect(fit(body)).toEqual({
      mac: '52:54:00:00:00:01',
      disks: [{ name: 'sda', size_bytes: 1 }],
      existing_os: null,
    });
  });

  it('is never cut inside a character, and has no halves of one', () => {
    const hostname = `${'x'.repeat(254)}\u{1f409}`;
    expect(fit({ hostname }).hostname).toBe('x'.repeat(254));
    expect(fit({ hostname: 'a\ud83db' }).hostname).toBe('a\ufffdb');
  });

  it('may hold no number below zero', () => {
    expect(Value.Check(CheckinRequest, { mac: 'x', memory_bytes: -1 })).toBe(false);
    expect(Value.Check(HeartbeatRequest, { machine_id: 'x', sequence: -1 })).toBe(false);
  });
});

describe('the schema of a request', () => {
  it.each([
    ['check-in', CheckinRequest],
    ['heartbeat', HeartbeatRequest],
    ['event', WorkflowEvent],
  ])('of a %s limits every text and list', (_, schema) => {
    const parts = [...walk(schema)];
    expect(parts.length).toBeGreaterThan(10);
    expect(parts.filter(isUnlimited)).toEqual([]);
  });

  it('leaves that of a record without limits', () => {
    expect([...walk(Machine)].filter((part) => 'maxLength' in part || 'maxItems' in part)).toEqual(
      [],
    );
  });
});

/** A schema and all that it is made of. */
function* walk(schema: object): Generator<object> {
  yield schema;
  for (const part of Object.values(schema)) {
    if (typeof part === 'object' && part !== null) yield* walk(part);
  }
}

function isUnlimited(part: object): boolean {
  const { type } = { type: undefined, ...part };
  if (type === 'string') return !['maxLength', 'format', 'const'].some((limit) => limit in part);
  return type === 'array' && !('maxItems' in part);
}
