import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { gathered } from '../../../src/web/live/gathered.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('changes that never cease do not put the work off', () => {
  const work = vi.fn<() => void>();
  const { ask } = gathered(work, 1000);
  for (let ms = 0; ms < 10_000; ms += 100) {
    ask();
    vi.advanceTimersByTime(100);
  }
  expect(work).toHaveBeenCalledTimes(10);
});

test('what was asked for is not done after the end', () => {
  const work = vi.fn<() => void>();
  const { ask, stop } = gathered(work, 1000);
  ask();
  stop();
  vi.advanceTimersByTime(2000);
  expect(work).not.toHaveBeenCalled();
});
