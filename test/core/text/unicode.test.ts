import { expect, it } from 'vitest';
import { cut, wellFormed } from '../../../src/core/text/unicode.ts';

it.each([
  ['abc', 2, 'ab'],
  ['abc', 3, 'abc'],
  ['a\u{1f409}b', 2, 'a'],
  ['a\u{1f409}b', 3, 'a\u{1f409}'],
  ['\u{1f409}', 1, ''],
  ['abc', 0, ''],
])('%j cut to %i is %j', (text, length, expected) => {
  expect(cut(text, length)).toBe(expected);
});

it('mends lone surrogates in texts, lists and keys', () => {
  expect(wellFormed({ 'k\ud800': ['\udc00', 'ok', 1, null] })).toEqual({
    'k\ufffd': ['\ufffd', 'ok', 1, null],
  });
});
