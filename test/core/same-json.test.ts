import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isSameJson } from '../../src/core/same-json.ts';

/** Small, so that two of them are often the same. */
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false, 0, 1, '', 'a', 2n ** 60n),
    fc.array(tie('any'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'toString', '0'), tie('any'), { maxKeys: 2 }),
  ),
})).any;

it('says of two documents what the language says of them', () => {
  fc.assert(
    fc.property(value, value, (a, b) => {
      expect(isSameJson(a, b)).toBe(isDeepStrictEqual(plain(a), plain(b)));
      expect(isSameJson(a, structuredClone(a))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

/** With objects of one kind: whether they have a prototype does not count. */
function plain(document: unknown): unknown {
  return structuredClone(document);
}

it('takes a field that is undefined for one that is not there', () => {
  expect(isSameJson({ a: 1, b: undefined }, { a: 1 })).toBe(true);
  expect(isSameJson({ a: 1 }, { a: 1, b: undefined })).toBe(true);
  expect(isSameJson({ a: undefined, b: 1 }, { a: 1, b: undefined })).toBe(false);
});

it('takes no list for an object, and nothing inherited for a field', () => {
  expect(isSameJson([], {})).toBe(false);
  expect(isSameJson({ 0: 1 }, [1])).toBe(false);
  expect(isSameJson({}, null)).toBe(false);
  expect(isSameJson({ constructor: Object }, {})).toBe(false);
});
