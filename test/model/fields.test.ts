import fc from 'fast-check';
import { Check } from 'typebox/value';
import { expect, it } from 'vitest';
import { macOfInfiniband, normalizeMac } from '../../src/identity/macs.ts';
import { MacAddress } from '../../src/model/fields.ts';

const digits = fc.constantFrom('0a', 'FF', '9', 'g0', '1234');
const separator = fc.constantFrom(':', '-', '.', '', ' ');

/** Texts that look like MACs, some of which are. */
const almostMac = fc
  .tuple(separator, fc.array(digits, { minLength: 3, maxLength: 7 }), fc.constantFrom('', ' '))
  .map(([between, parts, edge]) => edge + parts.join(between) + edge);

it('a MAC address of the wire is one that can be read', () => {
  fc.assert(
    fc.property(fc.oneof(almostMac, fc.string()), (text) => {
      expect(Check(MacAddress, text)).toBe(normalizeMac(text) !== undefined);
    }),
    {
      examples: [
        ['02:00:00:00:00:01'],
        ['02-00-00-00-00-0A'],
        ['0200.0000.0001'],
        ['020000000001'],
      ],
    },
  );
});

it.each([
  ['an Ethernet address', '02:00:00:00:00:01'],
  ['19 bytes', `80:00:02:08:${'fe:'.repeat(14)}01`],
  ['what is no hexadecimal', `80:00:02:08:${'fe:'.repeat(15)}xx`],
])('no MAC is read out of %s as of InfiniBand', (_name, text) => {
  expect(macOfInfiniband(text)).toBeUndefined();
});
