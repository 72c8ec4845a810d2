import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writefile } from '../../src/actions/writefile.ts';
import type { Fields } from '../../src/actions/action.ts';
import { has, loopDisk, type LoopDisk } from '../sources/writing/loop.ts';
import { canInstall, needs } from './installing.ts';
import { onPartition, systemDisk } from './systems.ts';
import { MiB, workplace } from './workplace.ts';

const fields = (more: object = {}) => ({
  action: 'writefile' as const,
  path: '/etc/hostname',
  content: 'web1\n',
  ...more,
});

const hasBtrfs =
  has('mkfs.btrfs') && readFileSync('/proc/filesystems', 'utf8').includes('\tbtrfs\n');

const contentOn = (disk: LoopDisk, number: number | undefined, path: string): string =>
  onPartition(disk.path, number, (top) => readFileSync(join(top, path), 'utf8'));

describe.skipIf(!canInstall)(`writefile ${needs}`, () => {
  it('finds the root of the system by itself', async () => {
    using disk = systemDisk();
    const report = await writefile.run(fields(), workplace(disk.path));
    expect(contentOn(disk, 2, 'etc/hostname')).toBe('web1\n');
    expect(report.details).toMatchObject({ device: `${disk.path}p2`, relabels: false });
  });

  it('takes a partition by its number, its mode and owner exactly, and bytes in base64', async () => {
    using disk = systemDisk();
    const bytes = Buffer.from([0, 255, 10, 13]);
    const more = { partition: 1, path: 'a/b', mode: '4750', uid: 7, gid: 8 };
    const { content: _, ...rest } = fields(more);
    await writefile.run({ ...rest, content_b64: bytes.toString('base64') }, workplace(disk.path));
    onPartition(disk.path, 1, (top) => {
      const stat = statSync(join(top, 'a/b'));
      expect([stat.mode & 0o7777, stat.uid, stat.gid]).toEqual([0o4750, 7, 8]);
      expect(readFileSync(join(top, 'a/b'))).toEqual(bytes);
    });
  });

  it('takes the disk itself where it has a file system and no partitions', async () => {
    using disk = loopDisk(32 * MiB);
    execFileSync('/usr/sbin/mkfs.ext4', ['-q', disk.path], { stdio: 'ignore' });
    await writefile.run(fields({ path: '/note' }), workplace(disk.path));
    expect(contentOn(disk, undefined, 'note')).toBe('web1\n');
  });

  it.skipIf(!hasBtrfs).each([undefined, 1])(
    'writes to the subvolume of the root of a btrfs (partition: %s)',
    async (partition) => {
      using disk = loopDisk(120 * MiB);
      if (partition !== undefined) {
        const script = { input: 'label: gpt\nsize=112M\n' };
        execFileSync('/usr/sbin/sfdisk', ['--quiet', '--no-reread', disk.path], script);
        execFileSync('partx', ['--update', disk.path]);
      }
      const device = partition === undefined ? disk.path : `${disk.path}p${partition}`;
      execFileSync('/usr/sbin/mkfs.btrfs', ['--quiet', device]);
      onPartition(disk.path, partition, (top) => {
        execFileSync('btrfs', ['subvolume', 'create', join(top, '@')], { stdio: 'ignore' });
        mkdirSync(join(top, '@/etc'));
        writeFileSync(join(top, '@/etc/os-release'), 'ID=debian\n');
      });
      await writefile.run(fields({ partition }), workplace(disk.path));
      expect(contentOn(disk, partition, '@/etc/hostname')).toBe('web1\n');
    },
  );

  it('says of an encrypted partition that it has no key', async () => {
    using disk = systemDisk();
    const device = openSync(`${disk.path}p2`, 'r+');
    // Source: LUKS On-Disk Format Specification 1.2.3: magic, version 1.
    writeSync(device, Buffer.from('LUKS\xba\xbe\0\x01', 'latin1'), 0, 8, 0);
    // The superblock that was there before would be found as well.
    writeSync(device, Buffer.alloc(1024), 0, 1024, 1024);
    closeSync(device);
    for (const where of [{}, { partition: 2, fs_type: 'ext4' }]) {
      await expect(writefile.run(fields(where), workplace(disk.path))).rejects.toMatchObject({
        code: 'disk.mismatch',
        message: expect.stringContaining(`${disk.path}p2 is encrypted (LUKS)`),
      });
    }
  });

  it('follows the links of the system within it', async () => {
    using disk = systemDisk({
      script: 'mkdir -p run/net; ln -s /run/net/resolv.conf etc/resolv.conf',
    });
    await writefile.run(fields({ path: '/etc/resolv.conf' }), workplace(disk.path));
    expect(contentOn(disk, 2, 'run/net/resolv.conf')).toBe('web1\n');
  });

  it('has a system with SELinux label its files when it starts', async () => {
    using disk = systemDisk({
      script: 'mkdir -p etc/selinux; echo SELINUX=enforcing > etc/selinux/config',
    });
    const report = await writefile.run(fields(), workplace(disk.path));
    expect(contentOn(disk, 2, '.autorelabel')).toBe('');
    expect(report.details).toMatchObject({ relabels: true });
  });

  it('says when a file is for a cloud-init that is not there, or disabled', async () => {
    const seed = fields({ path: '/var/lib/cloud/seed/nocloud/user-data' });
    using without = systemDisk();
    using disabled = systemDisk({
      script: 'mkdir -p usr/bin etc/cloud; touch usr/bin/cloud-init etc/cloud/cloud-init.disabled',
    });
    using ready = systemDisk({ script: 'mkdir -p usr/bin; touch usr/bin/cloud-init' });
    const notes: string[][] = [];
    for (const disk of [without, disabled, ready]) {
      const place = workplace(disk.path);
      await writefile.run(seed, place);
      notes.push(place.notes);
    }
    expect(notes).toEqual([
      [expect.stringContaining('not in this image')],
      [expect.stringContaining('disabled')],
      [],
    ]);
  });

  it('fails where there is no such partition, no ESP or no system', async () => {
    using disk = systemDisk();
    using empty = loopDisk(32 * MiB);
    for (const [device, more, message] of [
      [disk.path, { partition: 9 }, 'no partition 9'],
      [disk.path, { target: 'esp' }, 'no EFI system partition'],
      [empty.path, {}, 'neither partitions nor a file system'],
    ] as const) {
      await expect(writefile.run(fields(more), workplace(device))).rejects.toThrow(message);
    }
  });
});

it.each([
  [{ content: undefined }, 'content or content_b64'],
  [{ content_b64: 'AA==' }, 'content or content_b64'],
  [{ content: undefined, content_b64: '%%%' }, 'not base64'],
  [{ mode: '0999' }, 'octal'],
  [{ mode: 'rwx' }, 'octal'],
  [{ path: '/etc/' }, 'must name a file'],
  [{ partition: 1, target: 'esp' as const }, 'not both'],
])('writefile refuses %o before anything is done', (more, message) => {
  // As JSON has them: what is undefined is not there.
  const given = JSON.parse(JSON.stringify(fields(more))) as Fields<'writefile'>;
  expect(() => writefile.check?.(given)).toThrow(message);
});

it.each(['0', '0000', '644', '0644', '0o644', '4755', '000644', '0o00644'])(
  'writefile takes the mode %s',
  (mode) => {
    expect(() => writefile.check?.(fields({ mode }))).not.toThrow();
  },
);
