import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openBoot } from '../../src/agent/boot.ts';
import { openStateDir } from '../../src/cli/agent/running/state-dir.ts';
import { ManualClock } from '../../src/core/clock.ts';
import { openRoot } from '../../src/sources/open.ts';

const bootId = '0b0e3f1c-58b5-4c59-9f63-0d6a6f4c1a11';
const dirs: string[] = [];
afterEach(async () => {
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true });
});

async function host(id = bootId) {
  const dir = await mkdtemp(join(tmpdir(), 'boot-'));
  dirs.push(dir);
  await mkdir(join(dir, 'proc/sys/kernel/random'), { recursive: true });
  await writeFile(join(dir, 'proc/sys/kernel/random/boot_id'), `${id}\n`);
  await writeFile(join(dir, 'proc/uptime'), '120.50 300.00\n');
  return { dir, root: await openRoot(dir) };
}

const madeUp = async (): Promise<string> => 'made up';
const clock = (): ManualClock => new ManualClock(new Date(0));

describe('openBoot', () => {
  it('counts from 1, and goes on after a restart of the agent', async () => {
    const { dir, root } = await host();
    const state = await openStateDir(join(dir, 'run/dragonfly'));
    const first = await openBoot(root, clock(), madeUp, state?.sequence);
    expect([await first.nextSequence(), await first.nextSequence()]).toEqual([1, 2]);
    const second = await openBoot(root, clock(), madeUp, state?.sequence);
    expect(await second.nextSequence()).toBe(3);
    expect(second.id).toBe(bootId);
  });

  it('counts from 1 again in another boot, and from a damaged note', async () => {
    const { dir, root } = await host();
    const state = await openStateDir(dir);
    for (const note of ['{"boot_id":"another","sequence":9}', '{"boot', '[]', '']) {
      await writeFile(join(dir, 'agent.json'), note);
      const boot = await openBoot(root, clock(), madeUp, state?.sequence);
      expect(await boot.nextSequence()).toBe(1);
    }
  });

  it('goes on from the uptime where nothing can be noted, so that no number comes twice', async () => {
    const { root } = await host();
    const boot = await openBoot(root, clock(), madeUp);
    expect(await boot.nextSequence()).toBe(12_051);
  });

  it('takes each process that speaks for a capture for a boot of its own', async () => {
    const boot = await openBoot(undefined, clock(), madeUp);
    expect([boot.id, await boot.nextSequence()]).toEqual(['made up', 1]);
  });

  it('tells the uptime by the monotonic clock', async () => {
    const { root } = await host();
    const time = clock();
    const boot = await openBoot(root, time, madeUp);
    time.stepWall(1e12);
    await time.advance(1_500);
    expect(boot.uptimeMs()).toBe(122_000);
  });
});

describe('openStateDir', () => {
  it('gives nothing where it may not write', async () => {
    const { dir } = await host();
    await writeFile(join(dir, 'file'), '');
    expect(await openStateDir(join(dir, 'file', 'below'))).toBeUndefined();
  });

  it('keeps its notes from other users', async () => {
    const { dir } = await host();
    const state = await openStateDir(dir);
    await state?.spool.write('secret');
    expect(await readFile(join(dir, 'spool.json'), 'utf8')).toBe('secret');
    const { stat } = await import('node:fs/promises');
    expect((await stat(join(dir, 'spool.json'))).mode & 0o777).toBe(0o600);
  });
});
