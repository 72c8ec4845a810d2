import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { MountSpace } from '../../../src/sources/writing/mount-space.ts';
import { canLoop, has, loopDisk } from './loop.ts';

const options = { signal: new AbortController().signal };

it.skipIf(!canLoop || !has('mkfs.ext4'))(
  'what is mounted in a space is seen there alone, and gone with it (needs root and loop devices)',
  async () => {
    using disk = loopDisk(16 * 1024 * 1024);
    execFileSync('mkfs.ext4', ['-q', disk.path]);
    const place = mkdtempSync(join(tmpdir(), 'dragonfly-space-'));
    const mounts = (): string => readFileSync('/proc/self/mounts', 'utf8');
    const space = await MountSpace.open(systemClock);
    try {
      await space.run('mount', [disk.path, place], options);
      await space.tree(place).write('/etc/hostname', Buffer.from('web1'));
      expect(mounts()).not.toContain(disk.path);
      expect(await space.run('cat', [`${place}/etc/hostname`], options)).toBe('web1');
    } finally {
      await space.close();
    }
    const again = await MountSpace.open(systemClock);
    expect(await again.tree(place).list('/')).toEqual([]);
    await again.run('mount', [disk.path, place], options);
    expect(await again.tree(place).text('/etc/hostname')).toBe('web1');
    await again.close();
    rmSync(place, { recursive: true });
  },
);
