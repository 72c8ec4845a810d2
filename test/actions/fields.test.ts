// The agent checks an action's fields by hand; the server by the schema. Both must say the same.
import fc from 'fast-check';
import { Check } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import type { ActionName } from '../../src/actions/action.ts';
import { checkFields } from '../../src/actions/fields.ts';
import { templateActions } from '../../src/model/documents/template.ts';

const names = Object.keys(templateActions) as ActionName[];
const values = [
  'text',
  '',
  'auto',
  'gpt-efi',
  'full',
  'x'.repeat(5_000),
  '/etc/hostname',
  0,
  1,
  300,
  -1,
  1.5,
  NaN,
  true,
  ['a', 'b'],
  [1],
  {},
  { serial: 'S1', size: 40 },
  { serial: null },
  256,
  2 ** 32,
];

function accepts(name: ActionName, fields: Record<string, unknown>): boolean {
  try {
    checkFields(name, fields);
    return true;
  } catch {
    return false;
  }
}

describe.each(names)('the fields of %s', (name) => {
  const schema = templateActions[name];
  const own = Object.keys(schema.properties).filter(
    (field) => field !== 'action' && field !== 'timeout',
  );

  it('are taken or refused as the schema says', () => {
    const arbitrary = fc.record(
      Object.fromEntries(own.map((field) => [field, fc.constantFrom(...values)])),
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(arbitrary, (fields) => {
        expect(accepts(name, fields)).toBe(Check(schema, { action: name, ...fields }));
      }),
      { numRuns: 300 },
    );
  });

  it('are all of them known, and no other is', () => {
    for (const field of own) expect(() => checkFields(name, { [field]: [{}] })).toThrow(field);
    expect(() => checkFields(name, { dsik: '/dev/sda' })).toThrow('dsik of action');
  });
});
