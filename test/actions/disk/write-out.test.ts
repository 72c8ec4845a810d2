// The last word of an action that wrote to a disk: the disk has it, or the action says why not.
import { expect, it } from 'vitest';
import { writeOut } from '../../../src/actions/disk/write-out.ts';
import { systemClock, type Clock } from '../../../src/core/clock.ts';
import { HostRoot } from '../../../src/sources/host.ts';
import { hostOf } from '../../../src/sources/writing/host.ts';
import { workplace } from '../workplace.ts';

/** Where a second takes 10 ms. */
const fast: Clock = {
  now: () => systemClock.now(),
  elapsedMs: () => systemClock.elapsedMs() * 100,
  sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
};

it('a disk that hangs ends the action within minutes, and says so', async () => {
  const host = hostOf(new HostRoot(), fast);
  const run: typeof host.run = async (program, args, options) => {
    expect([program, ...args]).toEqual(['sync', '/dev/sda']);
    return await host.run('sleep', ['1000'], options);
  };
  const place = workplace('/dev/sda', { host: { ...host, run } });
  const startMs = fast.elapsedMs();
  await expect(writeOut('/dev/sda', place)).rejects.toMatchObject({
    code: 'disk.failed',
    message: '/dev/sda does not take what is still to be written to it: replace the disk',
  });
  expect(fast.elapsedMs() - startMs).toBeLessThan(15 * 60_000);
});
