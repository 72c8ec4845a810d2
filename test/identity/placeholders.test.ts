import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isPlaceholderWwn,
  uuidPlaceholder,
  uuidWeakness,
} from '../../src/identity/placeholders.ts';

/** The same bytes with the first three fields in the other byte order, written a second time. */
function otherOrder(uuid: string): string {
  const reversed = (field: string): string =>
    [...field.matchAll(/../g)].map(String).toReversed().join('');
  const [a = '', b = '', c = '', ...rest] = uuid.split('-');
  return [reversed(a), reversed(b), reversed(c), ...rest].join('-');
}

const shared = [
  '03000200-0400-0500-0006-000700080009',
  '00020003-0004-0005-0006-000700080009',
  '03020100-0504-0706-0809-0a0b0c0d0e0f',
  '10000000-0000-8000-0040-000000000000',
  '6ab5b300-538d-1014-9fb5-b0684d007b53',
  '01010101-0101-0101-0101-010101010101',
  '0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a',
  'fefefefe-fefe-fefe-fefe-fefefefefefe',
  '12345678-1234-5678-90ab-cddeefaabbcc',
  '12345678-1234-5678-1234-567812345678',
  '00010203-0405-0607-0809-0a0b0c0d0e0f',
  '01020304-0506-0708-090a-0b0c0d0e0f10',
  '31393138-3538-5a43-3135-353130323750',
  '00000000-0000-0000-0807-060504030201',
  '8a95d198-7f46-11e5-bf8b-08002704d48e',
  'deadbeef-0000-0000-0000-000000000001',
  '00112233-4455-6677-8899-aabbccddeeff',
  '07090201-0103-0301-0807-060504030201',
  '4c4c4544-0000-2010-8020-80c04f202020',
  '4c4c4544-0020-2010-8020-a0c04f202020',
  '56f49712-ffff-ffff-ffff-ffffffffffff',
  '00000000-0000-0000-0000-ffffffffffff',
  '00000000-0000-4000-8000-000000000000',
];

describe('uuidPlaceholder', () => {
  it.each(shared)('knows %s in both byte orders and any case', (uuid) => {
    expect(uuidPlaceholder(uuid)).toMatch(/placeholder/);
    expect(uuidPlaceholder(otherOrder(uuid))).toMatch(/placeholder/);
    expect(uuidPlaceholder(uuid.toUpperCase())).toMatch(/placeholder/);
  });

  it.each([
    ['00000000-0000-0000-0000-000000000000', 'all-zero placeholder'],
    ['ffffffff-ffff-ffff-ffff-ffffffffffff', 'all-ones placeholder'],
    ['Not Settable', 'not set by the vendor'],
    ['Not Present', 'not set by the vendor'],
    ['Not Specified', 'not set by the vendor'],
    ['--', 'not set by the vendor'],
    ['4c4c4544', 'not a UUID'],
  ])('says of %j: %s', (uuid, why) => {
    expect(uuidPlaceholder(uuid)).toBe(why);
  });

  it.each([
    '00000000-0000-0000-0000-d05099faa835',
    '032e02b4-0499-0533-a106-940700080009',
    '4c4c4544-0039-3010-8048-b7c04f384432',
    '4c4c4544-0020-2010-8020-b7c04f202020',
    'ffffffff-ffff-ffff-ffff-a81cb6084290',
    'ec2f58af-2dad-c57e-88c0-a81cb6084290',
    '01234567-89ab-cdef-0123-4567890abcde',
  ])('keeps %s', (uuid) => {
    expect(uuidPlaceholder(uuid)).toBeUndefined();
  });

  it('keeps every random UUID, and survives any text', () => {
    fc.assert(
      fc.property(fc.uuid({ version: 4 }), fc.string(), (uuid, text) => {
        expect(uuidPlaceholder(uuid)).toBeUndefined();
        expect(() => [uuidPlaceholder(text), uuidWeakness(text)]).not.toThrow();
      }),
    );
  });
});

describe('uuidWeakness', () => {
  it.each([
    '00000000-0000-0000-0000-d05099faa835',
    '032e02b4-0499-0533-a106-940700080009',
    'b4022e03-9904-3305-a106-940700080009',
    '76006b9c-c49c-0000-0000-000000000000',
    '9c6b0076-9cc4-0000-0000-000000000000',
  ])('calls %s weak: it repeats a MAC', (uuid) => {
    expect(uuidWeakness(uuid)).toBe('weak: it only repeats a MAC address');
  });

  it('does not call a UUID of its own weak', () => {
    expect(uuidWeakness('4c4c4544-0039-3010-8048-b7c04f384432')).toBeUndefined();
  });
});

describe('a WWN', () => {
  it.each([
    'naa.5000000000000000',
    'naa.5000000000000001',
    '0x0000000000000000',
    'eui.0000000000000001',
    'eui.0100000000000000',
    'eui.ffffffffffffffff',
    'uuid.00000000-0000-0000-0000-000000000000',
  ])('%s is a placeholder', (wwn) => {
    expect(isPlaceholderWwn(wwn)).toBe(true);
  });

  it.each([
    'naa.5000c500a1b2c3d4',
    'eui.0025385b71b00001',
    'uuid.4e5f6a7b-0000-0000-0000-000000000001',
    'nvme.10ec-31-41-00000001',
  ])('%s is a name', (wwn) => {
    expect(isPlaceholderWwn(wwn)).toBe(false);
  });
});
