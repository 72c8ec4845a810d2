import { expect, it } from 'vitest';
import { parseJson } from '../../../../src/server/http/requests/json.ts';

/** So many levels, of arrays and objects in turns. */
function nested(levels: number): string {
  const odd = levels % 2 === 1;
  const pairs = '[{"a":'.repeat(levels >> 1);
  return `${pairs}${odd ? '[' : '1'}${odd ? ']' : ''}${'}]'.repeat(levels >> 1)}`;
}

it('takes JSON that is nested 32 levels deep, and none that is deeper', () => {
  for (const levels of [1, 31, 32]) expect(() => parseJson(nested(levels))).not.toThrow();
  for (const levels of [33, 34]) expect(() => parseJson(nested(levels))).toThrow('32 levels');
});

it('takes JSON of many objects that are not deep', () => {
  const many = JSON.stringify({ disks: Array.from({ length: 100 }, () => ({ a: ['[', '{'] })) });
  expect(() => parseJson(many)).not.toThrow();
});
