import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { partition } from '../../src/actions/partition.ts';
import type { Fields } from '../../src/actions/action.ts';
import { has, loopDisk } from '../sources/writing/loop.ts';
import { canInstall, expectUnbootable, needs, untouched } from './installing.ts';
import { MiB, thisHost, workplace } from './workplace.ts';

const canPartition = canInstall && has('mkfs.vfat') && has('blkid');
const fields = (more: Partial<Fields<'partition'>> = {}) => ({
  action: 'partition' as const,
  efi_size: '64M',
  ...more,
});
const types = (disk: string): (string | undefined)[] =>
  [1, 2, 3]
    .map((n) => `${disk}p${n}`)
    .filter((device) => existsSync(device))
    .map((device) => {
      const args = ['-p', '-o', 'export', device];
      const said = execFileSync('/usr/sbin/blkid', args, { encoding: 'utf8' });
      return /^TYPE=(.*)$/m.exec(said)?.[1];
    });

describe.skipIf(!canPartition)(`partition ${needs}`, () => {
  it.each<[Partial<Fields<'partition'>>, (string | undefined)[]]>([
    [{ swap_size: '16M' }, ['vfat', 'swap', 'ext4']],
    [{ layout: 'gpt-bios' }, [undefined, 'ext4']],
    [{ layout: 'single', filesystem: 'none' }, [undefined]],
  ])('makes what %o asks for', async (more, expected) => {
    using disk = loopDisk(512 * MiB);
    const place = workplace(disk.path);
    await partition.run(fields(more), place);
    expect(types(disk.path)).toEqual(expected);
    const verdict = execFileSync('/usr/sbin/sgdisk', ['--verify', disk.path], { encoding: 'utf8' });
    expect(verdict).toContain('No problems found');
  });

  it('makes partitions on a disk with sectors of 4096 bytes, over others', async () => {
    using disk = loopDisk(1024 * MiB, 4096);
    await partition.run(fields({ layout: 'single' }), workplace(disk.path));
    const report = await partition.run(fields({ efi_size: '260M' }), workplace(disk.path));
    expect(types(disk.path)).toEqual(['vfat', 'ext4']);
    expect(report.details).toMatchObject({ esp: `${disk.path}p1`, root: `${disk.path}p2` });
  });

  it('writes nothing to a disk that is too small', async () => {
    using disk = loopDisk(100 * MiB);
    const expectUntouched = untouched(disk);
    await expect(partition.run(fields(), workplace(disk.path))).rejects.toMatchObject({
      code: 'disk.mismatch',
    });
    expectUntouched();
  });

  it('leaves a disk that does not boot when a file system cannot be made', async () => {
    using disk = loopDisk(512 * MiB);
    const host = thisHost();
    const run: typeof host.run = (program, args, options) =>
      host.run(program === 'mkfs.ext4' ? 'false' : program, args, options);
    await expect(
      partition.run(fields(), workplace(disk.path, { host: { ...host, run } })),
    ).rejects.toMatchObject({ code: 'exec.failed' });
    execFileSync('blockdev', ['--flushbufs', disk.path]);
    expectUnbootable(disk);
  });

  it('leaves a disk that does not boot when it is aborted in the middle', async () => {
    using disk = loopDisk(512 * MiB);
    const host = thisHost();
    const abort = new AbortController();
    const run: typeof host.run = (program, args, options) => {
      if (program === 'mkfs.vfat') abort.abort(new Error('cancelled'));
      return host.run(program, args, options);
    };
    const place = workplace(disk.path, { host: { ...host, run }, signal: abort.signal });
    await expect(partition.run(fields(), place)).rejects.toThrow('cancelled');
    execFileSync('blockdev', ['--flushbufs', disk.path]);
    expectUnbootable(disk);
  });
});

it('partition refuses a size that is none before anything is done', () => {
  expect(() => partition.check?.(fields({ swap_size: 'lots' }))).toThrow('like 512M');
});
