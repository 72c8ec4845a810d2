import { afterEach, expect, test, vi } from 'vitest';
import { validate, version } from 'uuid';
import { newId } from '../../src/core/ids.ts';

afterEach(() => void vi.useRealTimers());

function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 13).replace('-', ''), 16);
}

test('each id is a UUID of version 7 with the time, and greater than the one before', () => {
  const startMs = Date.now();
  const ids = Array.from({ length: 10_000 }, newId);
  expect(ids.every((id) => validate(id) && version(id) === 7)).toBe(true);
  expect(ids).toEqual(ids.toSorted());
  expect(new Set(ids).size).toBe(ids.length);
  expect(timeOf(ids[0] ?? '')).toBeGreaterThanOrEqual(startMs);
});

test('more ids than a millisecond has, and a clock that goes back, go on growing', () => {
  vi.useFakeTimers({ now: Date.now() + 1000, toFake: ['Date'] });
  const first = Array.from({ length: 5000 }, newId);
  vi.setSystemTime(Date.now() - 365 * 86_400_000);
  const ids = [...first, ...Array.from({ length: 5000 }, newId)];
  expect(ids).toEqual(ids.toSorted());
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every((id) => validate(id) && version(id) === 7)).toBe(true);
});

test('two ids of one moment have other random bits', () => {
  expect(newId().slice(19)).not.toBe(newId().slice(19));
});
