import { expect, it, vi } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';

it('a time longer than a timer of Node takes is waited for all the same', async () => {
  vi.useFakeTimers();
  try {
    const stop = new AbortController();
    const ended: string[] = [];
    const month = 30 * 24 * 3_600_000;
    void systemClock.sleep(month).then(() => ended.push('slept'));
    const stopped = systemClock.sleep(2 ** 53, stop.signal).catch((err: unknown) => {
      ended.push(String(err));
    });
    await vi.advanceTimersByTimeAsync(month - 1);
    expect(ended).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(ended).toEqual(['slept']);
    stop.abort(new Error('stopped'));
    await stopped;
    expect(ended).toEqual(['slept', 'Error: stopped']);
  } finally {
    vi.useRealTimers();
  }
});
