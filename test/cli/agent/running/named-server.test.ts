import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readConfiguration, type Configuration } from '../../../../src/agent/settings/config.ts';
import { namedServer } from '../../../../src/cli/agent/running/named-server.ts';
import { ManualClock } from '../../../../src/core/clock.ts';
import { openRoot } from '../../../../src/sources/open.ts';
import { temporaryDirectory } from '../../../server/harness.ts';

/** The settings of a host with this lease. */
async function settingsWith(...lease: string[]): Promise<Configuration> {
  const host = temporaryDirectory();
  for (const dir of ['proc', 'run/dragonfly']) mkdirSync(join(host, dir), { recursive: true });
  writeFileSync(join(host, 'proc/cmdline'), '');
  writeFileSync(join(host, 'run/dragonfly/lease'), ['interface=eth0', ...lease, ''].join('\n'));
  const root = await openRoot(host);
  return readConfiguration({ flags: {}, environment: {}, root, resolveSrv: async () => [] });
}

it('waits for a lease that names a server, and says once why there is none', async () => {
  const clock = new ManualClock(new Date());
  const { signal } = new AbortController();
  const [none, another, good] = await Promise.all([
    settingsWith('domain=one.example'),
    settingsWith('domain=two.example'),
    settingsWith(`opt224=${Buffer.from('http://192.0.2.1:3000').toString('hex')}`),
  ]);
  let now = none;
  const told: string[] = [];
  const found = namedServer(
    () => Promise.resolve(now),
    (why) => told.push(why),
    { clock, signal },
  );
  await clock.advance(30_000);
  now = another;
  await clock.advance(30_000);
  now = good;
  await clock.advance(5_000);
  expect((await found).values.url).toBe('http://192.0.2.1:3000');
  expect(told).toEqual([
    expect.stringMatching(/^no server is known: .*one\.example/),
    expect.stringMatching(/^no server is known: .*two\.example/),
  ]);
});

it('ends with the agent', async () => {
  const stop = new AbortController();
  const now = await settingsWith();
  const found = namedServer(
    () => Promise.resolve(now),
    () => {
      stop.abort();
    },
    { clock: new ManualClock(new Date()), signal: stop.signal },
  );
  expect(await found).toBe(now);
});
