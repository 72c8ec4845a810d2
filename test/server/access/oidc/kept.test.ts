import { expect, it } from 'vitest';
import { ManualClock } from '../../../../src/core/clock.ts';
import { Kept } from '../../../../src/server/access/oidc/kept.ts';

/** Something that is read as 1, 2, 3 … or fails. */
function prepared() {
  const clock = new ManualClock(new Date());
  const source = { reads: 0, isAway: false };
  const read = async (): Promise<number> => {
    source.reads += 1;
    if (source.isAway) throw new Error('away');
    return source.reads;
  };
  const kept = new Kept(clock, read, { freshMs: 1000, usableMs: 5000, pauseMs: 100 });
  return { clock, source, kept };
}

it('is read once by whoever asks at one time, and again when it is old', async () => {
  const { clock, source, kept } = prepared();
  expect(await Promise.all([kept.get(), kept.get()])).toEqual([1, 1]);
  await clock.advance(999);
  expect(await kept.get()).toBe(1);
  await clock.advance(1);
  expect(await kept.get()).toBe(1);
  expect(await kept.get()).toBe(2);
  expect(source.reads).toBe(2);
});

it('outlives the silence of its source for a while', async () => {
  const { clock, source, kept } = prepared();
  await kept.get();
  source.isAway = true;
  await clock.advance(4999);
  expect(await kept.get()).toBe(1);
  await clock.advance(1);
  await expect(kept.get()).rejects.toThrow('away');
  source.isAway = false;
  await clock.advance(100);
  expect(await kept.get()).toBeGreaterThan(1);
});

it('is not read more often than its pause allows, whatever is asked', async () => {
  const { clock, source, kept } = prepared();
  expect([await kept.again(), await kept.again(), await kept.again()]).toEqual([1, 1, 1]);
  await clock.advance(100);
  expect(await kept.again()).toBe(2);
  source.isAway = true;
  await clock.advance(100);
  await expect(kept.again()).rejects.toThrow('away');
  await expect(kept.again()).rejects.toThrow('away');
  expect(source.reads).toBe(3);
  expect(await kept.get()).toBe(2);
});
