import { expect, it } from 'vitest';
import { StockRhythm } from '../../../../src/server/running/liveness/stock-rhythm.ts';

const told = (id: string, seconds: number) => ({
  id,
  address: null,
  sinceMs: seconds * 1000,
  lastMs: seconds * 1000,
});

it('forgets what other servers told where it hears nothing itself', () => {
  const rhythm = new StockRhythm();
  // As many as are told apart, gone silent by the time that another one is told of.
  for (let i = 0; i < 7; i += 1) rhythm.hearElsewhere(0, told(`old/${i}`, 0));
  expect(rhythm.hear(40_000, '10.0.0.1').isBeside).toBe(false);
  rhythm.hearElsewhere(55_000, told('new/1', 55));
  expect(rhythm.hear(70_000, '10.0.0.1').isBeside).toBe(true);
});
