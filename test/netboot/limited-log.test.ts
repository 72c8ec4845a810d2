import { expect, it } from 'vitest';
import { ManualClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { limitedLog } from '../../src/netboot/limited-log.ts';

it('passes on so many lines a minute, and says later how many it left out', async () => {
  const clock = new ManualClock(new Date(0));
  const said: string[] = [];
  const log = limitedLog(
    {
      ...silentLog,
      info: (_fields, text) => void said.push(text),
      warn: ({ left_out: count }, text) => void said.push(`${text}: ${String(count)}`),
    },
    clock,
    3,
  );
  for (let i = 0; i < 10; i += 1) log.info({}, `line ${i}`);
  await clock.advance(59_999);
  log.info({}, 'too early');
  await clock.advance(1);
  log.info({}, 'next');
  await clock.advance(60_000);
  log.info({}, 'last');
  expect(said).toEqual([
    'line 0',
    'line 1',
    'line 2',
    'next',
    'lines like these were left out: 8',
    'last',
  ]);
});
