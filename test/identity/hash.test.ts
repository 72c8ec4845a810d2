import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeIdentityHash } from '../../src/identity/hash.ts';

/** The schema's function written a second time, over one joined string. */
function reference(macs: string[], uuid: string | null, machineId: string | null): string {
  const sorted = macs
    .map((m) => m.toLowerCase().split('-').join(':'))
    .toSorted((a, b) => Buffer.from(a).compare(Buffer.from(b)));
  const joined =
    sorted.map((m) => `${m}|`).join('') + (uuid ?? '').toLowerCase() + '|' + (machineId ?? '');
  return createHash('sha256').update(joined, 'utf8').digest('hex');
}

describe('computeIdentityHash', () => {
  it('gives the known hash of a written-out example', () => {
    // printf '02:00:00:00:00:01|02:00:00:00:00:02|4c4c4544-0051-3510-8052-b4c04f4a3132|0123456789abcdef0123456789abcdef' | sha256sum
    expect(
      computeIdentityHash(
        ['02-00-00-00-00-02', '02:00:00:00:00:01'],
        '4C4C4544-0051-3510-8052-B4C04F4A3132',
        '0123456789abcdef0123456789abcdef',
      ),
    ).toBe('3578bfe71bf6db78d27f42d3d0ba5cf4e0d7a417f1496aba4c975a7064985d91');
  });

  it('hashes a lone separator when nothing is known', () => {
    expect(computeIdentityHash([], null, null)).toBe(
      createHash('sha256').update('|').digest('hex'),
    );
  });

  it('does not dedupe: a MAC given twice gives another hash', () => {
    const mac = '02:00:00:00:00:01';
    expect(computeIdentityHash([mac, mac], null, null)).not.toBe(
      computeIdentityHash([mac], null, null),
    );
  });

  it('keeps the case of the machine-id', () => {
    expect(computeIdentityHash([], null, 'AB')).not.toBe(computeIdentityHash([], null, 'ab'));
  });

  it('equals an independent implementation on any input', () => {
    const mac = fc
      .tuple(
        fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 6, maxLength: 6 }),
        fc.constantFrom(':', '-'),
        fc.boolean(),
      )
      .map(([octets, separator, upper]) => {
        const text = octets.map((o) => o.toString(16).padStart(2, '0')).join(separator);
        return upper ? text.toUpperCase() : text;
      });
    const macs = fc.array(
      fc.oneof(mac, fc.constant('AA-BB-CC-DD-EE-FF'), fc.string({ unit: 'binary' })),
    );
    fc.assert(
      fc.property(macs, fc.option(fc.string()), fc.option(fc.string()), (m, uuid, id) => {
        expect(computeIdentityHash(m, uuid, id)).toBe(reference(m, uuid, id));
      }),
      { numRuns: 5000 },
    );
  });
});
