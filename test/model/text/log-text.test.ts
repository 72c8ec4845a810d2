import { expect, it } from 'vitest';
import { logLineText } from '../../../src/model/text/log-text.ts';

it.each([
  [undefined, '2026-11-26T15:41:05Z boot   up'],
  ['info', '2026-11-26T15:41:05Z boot   up'],
  ['warn', '2026-11-26T15:41:05Z boot   WARN up'],
] as const)('a line of a log names its level where it matters: %s', (level, expected) => {
  const line = { at: '2026-11-26T15:41:05Z', source: 'boot', text: 'up' } as const;
  expect(logLineText(level === undefined ? line : { ...line, level })).toBe(expected);
});
