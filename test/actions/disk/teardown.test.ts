import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readStack, type BlockNode } from '../../../src/actions/disk/stack.ts';
import { leaveUnbootable, tearDown, tearDownSteps } from '../../../src/actions/disk/teardown.ts';
import { AppError } from '../../../src/core/errors.ts';
import { openBlockFile, type BlockFile } from '../../../src/sources/writing/block-file.ts';
import { MemoryRoot } from '../../probes/memory-root.ts';
import { scratch } from '../images.ts';
import { canInstall, expectUnbootable, needs, untouched, usedDisk } from '../installing.ts';
import { hastyHost, never, scriptedHost, thisHost } from '../workplace.ts';

const node = (name: string, kind: BlockNode['kind'], more: Partial<BlockNode> = {}): BlockNode => ({
  name,
  kind,
  mapped: undefined,
  mounts: [],
  isSwap: false,
  parts: [],
  users: [],
  ...more,
});

const commands = (disk: BlockNode): string[] =>
  tearDownSteps(disk).map(({ program, args, input }) =>
    [program, ...args, ...(input === undefined ? [] : ['<', input])].join(' '),
  );

describe('taking down what stands on a disk', () => {
  it('goes from the top to the bottom', () => {
    const root = node('dm-1', 'lvm', {
      mapped: 'vg-root',
      parts: ['dm-0'],
      mounts: ['/mnt', '/mnt/a'],
    });
    const swap = node('dm-2', 'lvm', { mapped: 'vg-swap', parts: ['dm-0'], isSwap: true });
    const crypt = node('dm-0', 'crypt', { mapped: 'luks', parts: ['sda2'], users: [root, swap] });
    const disk = node('sda', 'disk', {
      users: [
        node('sda1', 'partition', { mounts: ['/boot/efi'] }),
        node('sda2', 'partition', { users: [crypt] }),
      ],
    });
    expect(commands(disk)).toEqual([
      'umount /boot/efi',
      'umount /mnt/a',
      'umount /mnt',
      'dmsetup remove --retry vg-root',
      'swapoff /dev/dm-2',
      'dmsetup remove --retry vg-swap',
      'cryptsetup close luks',
    ]);
  });

  it('begins nothing where the running system is on the disk', () => {
    const root = node('dm-0', 'lvm', { mapped: 'vg-root', parts: ['sda2'], mounts: ['/'] });
    const partitions = [
      node('sda1', 'partition', { isSwap: true, mounts: ['/boot'] }),
      node('sda2', 'partition', { users: [root] }),
    ];
    expect(() => commands(node('sda', 'disk', { users: partitions }))).toThrow(
      'the running system is on /dev/sda',
    );
  });

  it('wipes an array’s superblocks while it runs, and stops it once', () => {
    const md = node('md127', 'md', { parts: ['sda1', 'sda2'] });
    const disk = node('sda', 'disk', {
      users: [
        node('sda1', 'partition', { users: [md] }),
        node('sda2', 'partition', { users: [md] }),
      ],
    });
    expect(commands(disk)).toEqual([
      'wipefs --all --force /dev/sda1',
      'wipefs --all --force /dev/sda2',
      'mdadm --stop /dev/md127',
    ]);
  });

  it.each(['md', 'lvm', 'bcache'] as const)(
    'refuses an %s that another disk is part of',
    (kind) => {
      const across = node('x0', kind, { mapped: 'data', parts: ['sda1', 'sdb1'] });
      const disk = node('sda', 'disk', { users: [node('sda1', 'partition', { users: [across] })] });
      expect(() => tearDownSteps(disk)).toThrow('/dev/sdb1, which must not be overwritten');
    },
  );

  it('refuses what it does not know', () => {
    const disk = node('sda', 'disk', {
      users: [node('dm-0', 'other', { mapped: 'mpatha', parts: ['sda'] })],
    });
    expect(() => tearDownSteps(disk)).toThrow('mpatha');
  });
});

it('what stands on a disk is read from /sys', async () => {
  const sys = '/sys/class/block';
  const root = MemoryRoot.of({
    [`${sys}/nvme0n1/dev`]: '259:0\n',
    [`${sys}/nvme0n1/nvme0n1p2/partition`]: '2\n',
    [`${sys}/nvme0n1p2/dev`]: '259:2\n',
    [`${sys}/nvme0n1p2/partition`]: '2\n',
    [`${sys}/nvme0n1p2/holders/dm-0/x`]: '',
    [`${sys}/dm-0/dev`]: '253:0\n',
    [`${sys}/dm-0/dm/uuid`]: 'CRYPT-LUKS2-0123-luks\n',
    [`${sys}/dm-0/dm/name`]: 'luks\n',
    [`${sys}/dm-0/slaves/nvme0n1p2/x`]: '',
    // A btrfs is mounted by a number that no device has.
    '/proc/self/mountinfo': `30 1 253:0 / /mnt/my\\040disk rw - ext4 /dev/mapper/luks rw
31 1 0:40 /@ /pool rw shared:1 - btrfs /dev/nvme0n1p2 rw,subvol=/@
32 1 0:41 / /run rw - tmpfs tmpfs rw
`,
    '/proc/swaps': 'Filename Type Size Used Priority\n/dev/nvme0n1p2 partition 1 0 -2\n',
  });
  expect(await readStack(root, 'nvme0n1')).toMatchObject({
    kind: 'disk',
    users: [
      {
        name: 'nvme0n1p2',
        kind: 'partition',
        isSwap: true,
        mounts: ['/pool'],
        users: [
          {
            name: 'dm-0',
            kind: 'crypt',
            mapped: 'luks',
            mounts: ['/mnt/my disk'],
            parts: ['nvme0n1p2'],
          },
        ],
      },
    ],
  });
});

it.each([
  [75, 'disk.in-use', 'a program has held the lock of /dev/sda for 60 s'],
  [66, 'exec.failed', 'flock failed'],
])('a lock that flock gives up with %d is %s, and nothing is touched', async (code, error, why) => {
  const root = MemoryRoot.of({ '/sys/class/block/sda/dev': '8:0\n' });
  const failure = new AppError('exec.failed', 'flock failed', { details: { code } });
  const openDisk = (): Promise<BlockFile> => openBlockFile('/dev/null', { mode: 'read' });
  const host = { ...scriptedHost(root, () => failure), openDisk };
  await expect(tearDown(host, '/dev/sda', { signal: never })).rejects.toMatchObject({
    code: error,
    message: expect.stringContaining(why),
  });
  expect(host.commands).toEqual(['flock --timeout 60 --conflict-exit-code 75 /dev/sda true']);
});

it('a disk that is gone stays gone: no file gets its name', async () => {
  using folder = scratch();
  const device = folder.path('sda');
  await expect(tearDown(thisHost(), device, { signal: never })).rejects.toMatchObject({
    code: 'disk.failed',
    message: `cannot open ${device}: it was unplugged, or has no medium`,
  });
  expect(existsSync(device)).toBe(false);
});

describe.skipIf(!canInstall)(`a real disk ${needs}`, () => {
  it('is unmounted and has nothing left on it that a kernel or firmware would know', async () => {
    using disk = usedDisk();
    const place = mkdtempSync(join(tmpdir(), 'dragonfly-teardown-'));
    execFileSync('mount', [`${disk.path}p2`, place]);
    try {
      await tearDown(thisHost(), disk.path, { signal: never });
      expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(disk.path);
    } finally {
      rmSync(place, { recursive: true });
    }
    expectUnbootable(disk);
    expect(execFileSync('wipefs', ['--no-act', disk.path], { encoding: 'utf8' })).toBe('');
    expect(existsSync(`${disk.path}p1`)).toBe(false);
  });

  it('that a program of a killed agent still zeroes is waited for', async () => {
    using disk = usedDisk();
    using files = scratch();
    const [isDone, script] = [files.path('done'), 'echo begun; sleep 0.3; : > "$0"'];
    const left = spawn('flock', ['--no-fork', disk.path, 'sh', '-c', script, isDone]);
    await once(left.stdout, 'data');
    await tearDown(thisHost(), disk.path, { signal: never });
    expect(existsSync(isDone)).toBe(true);
  });

  it('that something else uses stays as it is', async () => {
    using disk = usedDisk();
    const holder = await thisHost().openDisk(`${disk.path}p2`, 'write');
    const expectUntouched = untouched(disk);
    try {
      await expect(tearDown(hastyHost(), disk.path, { signal: never })).rejects.toMatchObject({
        code: 'disk.in-use',
      });
      expectUntouched();
    } finally {
      await holder.close();
    }
  });

  it('is left unbootable though something else uses it', async () => {
    using disk = usedDisk();
    const holder = await thisHost().openDisk(`${disk.path}p2`, 'write');
    const file = await thisHost().openDisk(disk.path, 'read');
    await leaveUnbootable(hastyHost(), disk.path, file, new Error('failed'));
    await holder.close();
    expectUnbootable(disk);
  });
});
