import { expect, it } from 'vitest';
import { parseExact, stringifyExact } from '../../../src/core/text/exact-json.ts';

it.each([
  '{"a":9007199254740993,"b":[18446744073709551615,-9223372036854775808],"c":1}',
  '{"text":"18446744073709551615","float":1.5,"long":0.1234567890123456}',
  '[]',
  '18446744073709551615',
])('%s is read and written again as it was', (text) => {
  expect(stringifyExact(parseExact(text))).toBe(text);
});

it('only integers that a number cannot hold are bigints', () => {
  expect(parseExact('[9007199254740991,9007199254740992,"9007199254740992"]')).toEqual([
    9_007_199_254_740_991,
    9_007_199_254_740_992n,
    '9007199254740992',
  ]);
});

it('white space before an integer makes no difference', () => {
  expect(parseExact(' 18446744073709551615')).toBe(18_446_744_073_709_551_615n);
  expect(parseExact('{"a": [\n  -9223372036854775808 , 1]}')).toEqual({
    a: [-9_223_372_036_854_775_808n, 1],
  });
});

it('an integer is found wherever it stands, however long', () => {
  for (let at = 0; at < 40; at += 1) {
    const text = `{"${'x'.repeat(at)}": -9223372036854775808,"n":[1,18446744073709551615]}`;
    expect(stringifyExact(parseExact(text))).toBe(text.replace(': ', ':'));
  }
  expect(parseExact('1'.repeat(10_000))).toBe(BigInt('1'.repeat(10_000)));
});

it('what has no text is refused, bigints or not', () => {
  const circle: Record<string, unknown> = { big: 1n };
  circle['self'] = circle;
  expect(() => stringifyExact(circle)).toThrow(TypeError);
});
