import { expect, test } from 'vitest';
import { Readings } from '../../../src/web/live/readings.ts';

test('answers are taken in the order they were asked for', () => {
  const readings = new Readings();
  const first = readings.begin();
  const second = readings.begin();
  expect([first(), second()]).toEqual([true, true]);
});

test('an answer that comes after a newer one is dropped', () => {
  const readings = new Readings();
  const first = readings.begin();
  const second = readings.begin();
  const third = readings.begin();
  expect([second(), first(), third(), second()]).toEqual([true, false, true, false]);
});
