// The last word of an action that wrote to a disk: the disk has it, or the action says why not.
import { expect, it } from 'vitest';
import type { ActionContext } from '../../../src/actions/action.ts';
import { writeOut, writeOutAll } from '../../../src/actions/disk/write-out.ts';
import { systemClock, type Clock } from '../../../src/core/clock.ts';
import { hostOf } from '../../../src/sources/writing/host.ts';
import { MemoryRoot } from '../../probes/memory-root.ts';
import { workplace, type Workplace } from '../workplace.ts';

/** Where a second takes 5 ms. */
const fast: Clock = {
  now: () => systemClock.now(),
  elapsedMs: () => systemClock.elapsedMs() * 200,
  sleep: (ms, signal) => systemClock.sleep(ms / 200, signal),
};

const device = '/dev/cciss/c0d0';

/** A machine that is told to write out for `seconds` of its clock, and what it has written by then. */
function machine(args: readonly string[], seconds: number, written: () => number): Workplace {
  class Root extends MemoryRoot {
    override async text(path: string): Promise<string | undefined> {
      if (path === '/proc/meminfo')
        return `MemTotal:  4096 kB\nDirty:     ${9_000_000 - written()} kB\nWriteback:   512 kB\n`;
      return path === '/sys/class/block/cciss!c0d0/stat'
        ? `    10  0  80  4  33  0  ${written()}  99  1  8  103\n`
        : undefined;
    }
  }
  const host = hostOf(new Root(new Map()), fast);
  const run: typeof host.run = async (program, given, options) => {
    expect([program, ...given]).toEqual(['sync', ...args]);
    return await host.run('sleep', [String(seconds / 200)], options);
  };
  return workplace(device, { host: { ...host, run } });
}

/** In seconds of its clock. */
async function duration(work: (place: ActionContext) => Promise<void>, place: ActionContext) {
  const startMs = fast.elapsedMs();
  await work(place);
  return (fast.elapsedMs() - startMs) / 1_000;
}

it('a disk that hangs ends the action within minutes, and says so', async () => {
  const place = machine([device], 200_000, () => 4096);
  const seconds = await duration(async () => {
    await expect(writeOut(device, place)).rejects.toMatchObject({
      code: 'disk.failed',
      message: `${device} does not take what is still to be written to it: replace the disk`,
      cause: { message: 'nothing was written within 120 s' },
    });
  }, place);
  expect(seconds).toBeLessThan(15 * 60);
  const all = machine([], 200_000, () => 4096);
  expect(await duration(writeOutAll, all)).toBeLessThan(15 * 60);
  expect(all.notes).toEqual([
    'not every disk of this machine could be written out: nothing was written within 120 s',
  ]);
});

it('a slow disk may take as long as it writes', async () => {
  const startMs = fast.elapsedMs();
  const written = (): number => Math.floor((fast.elapsedMs() - startMs) / 30_000) * 8;
  const one = machine([device], 400, written);
  const all = machine([], 400, written);
  const taken = [duration((place) => writeOut(device, place), one), duration(writeOutAll, all)];
  for (const seconds of await Promise.all(taken)) expect(seconds).toBeGreaterThan(390);
  expect(all.notes).toEqual([]);
});
