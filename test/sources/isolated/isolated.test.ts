import { expect, it } from 'vitest';
import { readersWithin } from '../../../src/sources/isolated/isolated.ts';

const mib = 1024 ** 2;

it.each([
  [0, 1],
  [70 * mib, 1],
  [511 * mib, 1],
  [512 * mib, 2],
  [1024 * mib, 4],
  [512 * 1024 * mib, 4],
])('with %i bytes of memory to spare %i may read at once', (bytes, readers) => {
  expect(readersWithin(bytes)).toBe(readers);
});
