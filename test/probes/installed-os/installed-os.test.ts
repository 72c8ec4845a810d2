import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/core/errors.ts';
import {
  chooseKernel,
  fstabSource,
  mountedAt,
  parseOsName,
} from '../../../src/probes/installed-os/os-files.ts';
import { codes, probe } from '../host.ts';
import type { Entry } from '../memory-root.ts';

type Files = Record<string, Entry>;

const id = '0123456789abcdef0123456789abcdef';
const placeOf = (device: string): string => device.replace('/dev/', '/run/dragonfly/probe/');
const place = placeOf('/dev/sda2');
const uuid = '10111213-1415-1617-1819-1a1b1c1d1e1f';
const uuidBytes = Uint8Array.from({ length: 16 }, (_, i) => i + 0x10);

/** A device with the superblock of the given file system. */
function filesystem(type: 'ext4' | 'xfs' | 'btrfs' | 'swap'): Entry {
  const bytes = new Uint8Array(70_000);
  const at = { ext4: [1024 + 104], xfs: [32], btrfs: [65_536 + 32], swap: [] }[type];
  for (const offset of at) bytes.set(uuidBytes, offset);
  if (type === 'ext4') bytes.set([0x53, 0xef], 1024 + 56);
  if (type === 'xfs') bytes.set(Buffer.from('XFSB'));
  if (type === 'btrfs') bytes.set(Buffer.from('_BHRfS_M'), 65_536 + 64);
  return bytes;
}

/** A partition that the kernel knows. */
function partition(name: string, type: 'ext4' | 'xfs' | 'btrfs' | 'swap'): Files {
  return { [`/sys/class/block/${name}/dev`]: '8:2\n', [`/dev/${name}`]: filesystem(type) };
}

const debian = {
  [`${place}/usr/lib/os-release`]: 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
  [`${place}/etc/machine-id`]: `${id}\n`,
  [`${place}/etc/hostname`]: 'node7\n',
  [`${place}/boot/vmlinuz-6.1.0-9-amd64`]: '',
  [`${place}/boot/vmlinuz-6.1.0-18-amd64`]: '',
  [`${place}/boot/initrd.img-6.1.0-18-amd64`]: '',
};

function commands(mount: string, result: Entry = ''): Record<string, Entry> {
  const at = placeOf(/\S+$/.exec(mount)?.[0] ?? '');
  return {
    [`mkdir -p ${at}`]: '',
    [`mount ${mount} ${at}`]: result,
    [`umount ${at}`]: '',
  };
}

const image = { '/etc/dragonfly-image': '{}' };
const mountExt4 = '-t ext4 -o ro,noload,nodev,nosuid,noexec /dev/sda2';
const refused = { fails: new AppError('read.failed', 'input/output error') };

describe('the installedOs probe', () => {
  it.each([
    ['ext4', '-t ext4 -o ro,noload,nodev,nosuid,noexec /dev/sda2'],
    ['xfs', '-t xfs -o ro,norecovery,nouuid,nodev,nosuid,noexec /dev/sda2'],
    ['btrfs', '-t btrfs -o ro,rescue=nologreplay,nodev,nosuid,noexec /dev/sda2'],
  ] as const)(
    'finds the system on %s, mounted read-only without its journal',
    async (type, mount) => {
      const files = { ...image, ...partition('sda2', type), ...debian };
      const { found, problems, root } = await probe('installedOs', files, commands(mount));
      expect(found).toEqual([
        {
          name: 'Debian GNU/Linux 12 (bookworm)',
          hostname: 'node7',
          machine_id: id,
          fs_uuid: uuid,
          device: '/dev/sda2',
          kernel_path: '/boot/vmlinuz-6.1.0-18-amd64',
          initrd_path: '/boot/initrd.img-6.1.0-18-amd64',
        },
      ]);
      expect(problems).toEqual([]);
      expect(root.asked.at(-1)).toBe(`umount ${place}`);
    },
  );

  it('mounts nothing on an installed host', async () => {
    const { found, root } = await probe('installedOs', { ...partition('sda2', 'ext4'), ...debian });
    expect(found).toBeUndefined();
    expect(root.asked.filter((asked) => asked.startsWith('mount'))).toEqual([]);
  });

  it('looks on an installed host when it is asked to', async () => {
    const files = { ...partition('sda2', 'ext4'), ...debian };
    const mount = commands('-t ext4 -o ro,noload,nodev,nosuid,noexec /dev/sda2');
    const { found } = await probe('installedOs', files, mount, { probeOs: true });
    expect(found).toHaveLength(1);
  });

  it('reads a file system where it is mounted already', async () => {
    const files = {
      ...image,
      ...partition('sda2', 'ext4'),
      '/proc/self/mountinfo': '36 35 8:2 / /mnt/my\\040disk rw - ext4 /dev/sda2 rw\n',
      '/mnt/my disk/etc/os-release': 'ID=alpine\n',
    };
    const { found, root } = await probe('installedOs', files);
    expect(found).toMatchObject([{ name: 'alpine', machine_id: null, kernel_path: null }]);
    expect(root.asked.filter((asked) => asked.startsWith('mount'))).toEqual([]);
  });

  it('unmounts a file system that holds no system', async () => {
    const mount = commands('-t ext4 -o ro,noload,nodev,nosuid,noexec /dev/sda2');
    const { found, root } = await probe(
      'installedOs',
      { ...image, ...partition('sda2', 'ext4') },
      mount,
    );
    expect(found).toEqual([]);
    expect(root.asked).toContain(`umount ${place}`);
  });

  it('follows links of the installed system within it, and never out of it', async () => {
    const mount = commands('-t ext4 -o ro,noload,nodev,nosuid,noexec /dev/sda2');
    const files = {
      ...image,
      ...partition('sda2', 'ext4'),
      [`${place}/etc/os-release`]: { link: '/usr/lib/os-release' },
      [`${place}/usr/lib/os-release`]: 'NAME=Inside\n',
      '/usr/lib/os-release': 'NAME=Outside\n',
      [`${place}/etc/hostname`]: { link: '/secret' },
      '/secret': 'secret',
    };
    const { found } = await probe('installedOs', files, mount);
    expect(found).toMatchObject([{ name: 'Inside', hostname: null }]);
  });

  it('finds the root in a subvolume of btrfs', async () => {
    const mount = commands('-t btrfs -o ro,rescue=nologreplay,nodev,nosuid,noexec /dev/sda2');
    const files = {
      ...image,
      ...partition('sda2', 'btrfs'),
      [`${place}/@/etc/os-release`]: 'NAME=Arch\n',
    };
    const { found } = await probe('installedOs', files, mount);
    expect(found).toMatchObject([{ name: 'Arch' }]);
  });

  it('finds the kernel on the file system that fstab mounts at /boot', async () => {
    const bootPlace = placeOf('/dev/sda1');
    const boot = filesystem('xfs');
    const { found } = await probe(
      'installedOs',
      {
        ...image,
        ...partition('sda2', 'ext4'),
        '/sys/class/block/sda1/dev': '8:1\n',
        '/dev/sda1': boot,
        [`${place}/etc/os-release`]: 'NAME=Rocky\n',
        [`${place}/etc/fstab`]: '# boot\n/dev/sda1 /boot xfs defaults 0 0\n',
        [`${bootPlace}/vmlinuz-5.14.0-1.el9.x86_64`]: '',
        [`${bootPlace}/initramfs-5.14.0-1.el9.x86_64.img`]: '',
      },
      {
        ...commands('-t ext4 -o ro,noload,nodev,nosuid,noexec /dev/sda2'),
        [`mkdir -p ${bootPlace}`]: '',
        [`mount -t xfs -o ro,norecovery,nouuid,nodev,nosuid,noexec /dev/sda1 ${bootPlace}`]: '',
        [`umount ${bootPlace}`]: '',
      },
    );
    expect(found).toMatchObject([
      {
        kernel_path: '/boot/vmlinuz-5.14.0-1.el9.x86_64',
        initrd_path: '/boot/initramfs-5.14.0-1.el9.x86_64.img',
      },
    ]);
  });

  it('reports a file system that cannot be mounted, and goes on', async () => {
    const mounts = {
      ...commands('-t xfs -o ro,norecovery,nouuid,nodev,nosuid,noexec /dev/sda3'),
      ...commands(mountExt4, { fails: new AppError('exec.failed', 'mount failed') }),
    };
    const files = {
      ...image,
      ...partition('sda2', 'ext4'),
      ...partition('sda3', 'xfs'),
      [`${placeOf('/dev/sda3')}/etc/os-release`]: 'ID=alpine\n',
    };
    const { found, problems } = await probe('installedOs', files, mounts);
    expect(found).toMatchObject([{ device: '/dev/sda3' }]);
    expect(codes(problems)).toEqual([`exec.failed mount ${mountExt4} ${place}`]);
  });

  it('tries no device that holds no file system it knows', async () => {
    const { found, root } = await probe('installedOs', { ...image, ...partition('sda3', 'swap') });
    expect(found).toEqual([]);
    expect(root.asked.filter((asked) => asked.startsWith('m'))).toEqual([]);
  });

  it.each<[string, number, string]>([
    ['encrypted by LUKS', 0, 'LUKS\u00ba\u00be'],
    ['encrypted by BitLocker', 3, '-FVE-FS-'],
    ['an NTFS file system', 3, 'NTFS    '],
    ['part of an LVM', 512 + 24, 'LVM2 001'],
    ['a member of a RAID', 4096, '\u00fc\u004e\u002b\u00a9'],
  ])('does not say that there is no system on what is %s', async (what, at, signature) => {
    const device = new Uint8Array(70_000);
    device.set(Buffer.from(signature, 'latin1'), at);
    const files = { ...image, ...partition('sda', 'swap'), ...partition('sda2', 'swap') };
    const { found, problems } = await probe('installedOs', { ...files, '/dev/sda2': device });
    expect(found).toBeUndefined();
    expect(codes(problems)).toEqual(['probe.opaque /dev/sda2']);
    expect(problems[0]?.message).toContain(`/dev/sda2 is ${what}`);
    // The kernel has opened it: what is inside is a device of its own.
    const holder = { '/sys/class/block/sda2/holders/dm-0': '', ...partition('dm-0', 'swap') };
    const opened = await probe('installedOs', { ...files, '/dev/sda2': device, ...holder });
    expect({ found: opened.found, problems: opened.problems }).toEqual({ found: [], problems: [] });
  });

  it('skips a drive without a medium', async () => {
    const refusal = { fails: new AppError('read.failed', 'no medium found') };
    const files = { ...image, '/sys/class/block/sdb/size': '0\n', '/dev/sdb': refusal };
    const { found, problems } = await probe('installedOs', files);
    expect({ found, problems }).toEqual({ found: [], problems: [] });
  });

  it.each<[string, Files, Record<string, Entry>, string]>([
    ['volumes may not be listed', { '/sys/class/block': refused }, {}, '/sys/class/block'],
    [
      'a device may not be read',
      { '/sys/class/block/sda/size': '8\n', '/dev/sda': refused },
      {},
      '/dev/sda',
    ],
    ['a device is missing', { '/sys/class/block/sda/size': '8\n' }, {}, '/dev/sda'],
    [
      'a file system cannot be mounted',
      partition('sda2', 'ext4'),
      commands(mountExt4, refused),
      `mount ${mountExt4} ${place}`,
    ],
    ['there is no mount', partition('sda2', 'ext4'), {}, 'mount'],
    [
      'there are too many volumes',
      Object.assign({}, ...Array.from({ length: 65 }, (_, i) => partition(`sda${i}`, 'swap'))),
      {},
      '/sys/class/block',
    ],
  ])('does not say that there is no system where %s', async (_, files, mounts, source) => {
    const { found, problems } = await probe('installedOs', { ...image, ...files }, mounts);
    expect(found).toBeUndefined();
    expect(problems.map((problem) => problem.source)).toEqual([source]);
  });
});

describe('files of an installed system', () => {
  it.each([
    ['PRETTY_NAME="A \\"B\\""\nNAME=C', 'A "B"'],
    ["NAME='Alma'\n", 'Alma'],
    ['ID=void', 'void'],
    ['', undefined],
    ['PRETTY_NAME=\u001b[2J\n', '[2J'],
  ])('os-release %j names %j', (text, name) => {
    expect(parseOsName(text)).toBe(name);
  });

  it.each([
    [['vmlinuz-6.9', 'vmlinuz-6.10', 'initrd.img-6.10'], 'vmlinuz-6.10', 'initrd.img-6.10'],
    [['vmlinuz-linux', 'initramfs-linux.img'], 'vmlinuz-linux', 'initramfs-linux.img'],
    [
      ['vmlinuz-0-rescue-abc', 'vmlinuz-5.14', 'initramfs-5.14.img'],
      'vmlinuz-5.14',
      'initramfs-5.14.img',
    ],
    [['vmlinuz', 'vmlinuz.old', 'initrd.img'], 'vmlinuz', 'initrd.img'],
    [['grub', 'config-6.1'], undefined, undefined],
  ])('of %j the kernel is %j', (names, kernel, initrd) => {
    expect(chooseKernel(names)).toEqual({ kernel, initrd });
  });

  it('reads what fstab mounts, comments left out', () => {
    expect(fstabSource('#/dev/x /boot\nUUID=ab /boot ext4 defaults 0 2\n', '/boot')).toBe(
      'UUID=ab',
    );
    expect(fstabSource('UUID=ab / ext4\n', '/boot')).toBeUndefined();
  });

  it('takes the whole mount of a device, not one of a directory of it', () => {
    const mountinfo =
      '1 0 8:2 /var /bind rw - ext4 /dev/sda2 rw\n2 0 8:2 / / rw - ext4 /dev/sda2 rw\n';
    expect(mountedAt(mountinfo)).toEqual(new Map([['8:2', '']]));
  });
});
