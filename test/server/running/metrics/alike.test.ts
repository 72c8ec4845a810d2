// Values with the same content are one object, whatever else is kept.
import { expect, it } from 'vitest';
import { Alike } from '../../../../src/server/running/metrics/alike.ts';

it('gives one object for the same content, and the right one for any', () => {
  const alike = new Alike<{ n: number; tags: string[] }>();
  const one = alike.of({ n: 1, tags: ['a'] });
  expect(alike.of({ n: 1, tags: ['a'] })).toBe(one);
  expect(alike.of({ n: 1, tags: ['a', 'b'] })).toEqual({ n: 1, tags: ['a', 'b'] });
  // More than it remembers.
  const given = Array.from({ length: 25_000 }, (_, n) => ({ n, tags: [] }));
  const wrong = given.filter((value) => alike.of(value).n !== value.n);
  expect(wrong).toEqual([]);
});
