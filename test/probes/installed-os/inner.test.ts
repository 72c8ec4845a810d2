// Logical volumes and mirrors that nobody has opened, made up of the bytes of their formats.
import { describe, expect, it } from 'vitest';
import { groupText, memberIds, volumeText } from '../contents/lvm.ts';
import { device, type Written } from '../contents/device.ts';
import { codes, probe } from '../host.ts';
import type { Entry } from '../memory-root.ts';

const mib = 2 ** 20;
const size = 512 * mib;
const id = '0123456789abcdef0123456789abcdef';
const firstUuid = '10111213-1415-1617-1819-1a1b1c1d1e1f';

type Files = Record<string, Entry>;

function words(length: number, at: Readonly<Record<number, number>>): Buffer {
  const bytes = Buffer.alloc(length);
  for (const [place, value] of Object.entries(at)) bytes.writeUInt32LE(value, Number(place));
  return bytes;
}

function ext4(at: number, first = 0x10): Written[] {
  const uuid = Uint8Array.from({ length: 16 }, (_, i) => first + i);
  return [
    [at + 1024 + 56, '\u0053\u00ef'],
    [at + 1024 + 104, uuid],
  ];
}

/** A member of the volume group, whose metadata is this text. */
function member(number: 0 | 1, text: string, at = 0): Written[] {
  const id32 = (memberIds[number] ?? '').replaceAll('-', '');
  const area = words(64, { 20: 1, 24: 4096, 32: mib - 4096, 40: 512, 48: text.length });
  area.write(' LVM2 x[5A%r0N*>', 4, 'latin1');
  return [
    [at + 512, `LABELONE\u0001\0\0\0\0\0\0\0\0\0\0\0\u0020\0\0\0LVM2 001${id32}`],
    [at + 4096, area],
    [at + 4608, text],
  ];
}

interface Mirror {
  level?: number;
  role?: number;
  events?: number;
  features?: number;
  uuid?: number;
}

/** The superblock of a member of an array whose data begins at 1 MiB. */
function mirror({ level = 1, role = 0, events = 9, features = 0, uuid = 0x40 }: Mirror): Written[] {
  const bytes = words(512, {
    0: 0xa9_2b_4e_fc,
    4: 1,
    8: features,
    72: level,
    92: 2,
    128: 2048,
    200: events,
  });
  bytes.fill(uuid, 16, 32);
  bytes.write('node7:0', 32);
  bytes.writeUInt16LE(role, 256);
  return [[4096, bytes]];
}

function partitions(...all: readonly (readonly Written[])[]): Files {
  const files: Files = { '/etc/dragonfly-image': '{}', '/sys/class/block/sda/size': '1\n' };
  files['/dev/sda'] = device(size);
  for (const [i, written] of all.entries()) {
    files[`/sys/class/block/sda${i + 1}/size`] = `${size / 512}\n`;
    files[`/dev/sda${i + 1}`] = device(size, ...written);
  }
  return files;
}

/** The commands that examine a volume of a partition, and what they find there. */
function examined(partition: string, offset: number): { files: Files; commands: Files } {
  const at = `/run/dragonfly/probe/${partition}@${offset}`;
  return {
    files: { [`${at}/etc/os-release`]: 'NAME=Debian\n', [`${at}/etc/machine-id`]: `${id}\n` },
    commands: {
      'losetup -f': '/dev/loop3\n',
      [`losetup -r -o ${offset} /dev/loop3 /dev/${partition}`]: '',
      [`mkdir -p ${at}`]: '',
      [`mount -t ext4 -o ro,noload,nodev,nosuid,noexec /dev/loop3 ${at}`]: '',
      [`umount ${at}`]: '',
      'losetup -d /dev/loop3': '',
    },
  };
}

const extent = 4 * mib;
const root = volumeText('root', [['pv0', 2]]);
const rootAt = mib + 2 * extent;

describe('a system on a logical volume that nobody has opened', () => {
  it('is read through a read-only loop device, which is given back', async () => {
    const text = groupText({ volumes: [volumeText('swap', [['pv0', 0]]), root] });
    const { files, commands } = examined('sda1', rootAt);
    const disks = partitions([...member(0, text), ...ext4(rootAt)], member(1, text));
    const {
      found,
      problems,
      root: host,
    } = await probe('installedOs', { ...disks, ...files }, commands);
    expect(found).toMatchObject([
      { name: 'Debian', machine_id: id, fs_uuid: firstUuid, device: '/dev/sda1' },
    ]);
    expect(problems).toEqual([]);
    expect(host.asked.slice(-2)).toEqual([
      `umount /run/dragonfly/probe/sda1@${rootAt}`,
      'losetup -d /dev/loop3',
    ]);
  });

  it('comes after one on a partition, and the one that was made first before others', async () => {
    const guest = volumeText('guest', [['pv0', 20]]);
    const text = groupText({ volumes: [root, guest] });
    const guestAt = mib + 20 * extent;
    const [host, other] = [examined('sda1', rootAt), examined('sda1', guestAt)];
    const written = [...member(0, text), ...ext4(rootAt, 0x90), ...ext4(guestAt)];
    const both = await probe(
      'installedOs',
      { ...partitions(written), ...host.files, ...other.files },
      { ...host.commands, ...other.commands },
    );
    expect(both.found?.map(({ fs_uuid }) => fs_uuid?.slice(0, 2))).toEqual(['90', '10']);
    const place = '/run/dragonfly/probe/sda2';
    const all = await probe(
      'installedOs',
      {
        ...partitions(written, ext4(0, 0xa0)),
        ...host.files,
        ...other.files,
        [`${place}/etc/os-release`]: 'NAME=Alma\n',
      },
      {
        ...host.commands,
        ...other.commands,
        [`mkdir -p ${place}`]: '',
        [`mount -t ext4 -o ro,noload,nodev,nosuid,noexec /dev/sda2 ${place}`]: '',
        [`umount ${place}`]: '',
      },
    );
    expect(all.found?.map(({ name }) => name)).toEqual(['Alma', 'Debian', 'Debian']);
  });

  it('is unmounted, and its loop device given back, as often as it was taken', async () => {
    const text = groupText({ volumes: [root, volumeText('home', [['pv0', 20]])] });
    const homeAt = mib + 20 * extent;
    const [host, home] = [examined('sda1', rootAt), examined('sda1', homeAt)];
    const written = [...member(0, text), ...ext4(rootAt), ...ext4(homeAt, 0x90)];
    const { root: asked } = await probe(
      'installedOs',
      { ...partitions(written), ...host.files },
      { ...host.commands, ...home.commands },
    );
    const count = (start: string): number =>
      asked.asked.filter((one) => one.startsWith(start)).length;
    expect([count('losetup -r'), count('losetup -d'), count('mount'), count('umount')]).toEqual([
      2, 2, 2, 2,
    ]);
  });

  it('is where the newest metadata says, whichever member has it', async () => {
    const stale = groupText({ sequence: 3, volumes: [volumeText('root', [['pv0', 30]])] });
    const text = groupText({ sequence: 8, volumes: [root] });
    const { files, commands } = examined('sda1', rootAt);
    const disks = partitions([...member(0, stale), ...ext4(rootAt)], member(1, text));
    const { found, problems } = await probe('installedOs', { ...disks, ...files }, commands);
    expect({ names: found?.map(({ name }) => name), problems }).toEqual({
      names: ['Debian'],
      problems: [],
    });
  });

  it.each([
    ['it is in two pieces', volumeText('root', [['pv0', 2]], [['pv0', 40]])],
    [
      'it is striped',
      volumeText('root', [
        ['pv0', 2],
        ['pv1', 2],
      ]),
    ],
    ['it is a thin volume', root.replace('"striped"', '"thin"')],
    ['its member is away', volumeText('root', [['pv1', 2]])],
    ['it lies where no disk reaches', volumeText('root', [['pv0', 999_999_999_999_999]])],
  ])('is not said to be none where %s', async (_, volume) => {
    const text = groupText({ volumes: [volume] });
    const { found, problems } = await probe('installedOs', partitions(member(0, text)));
    expect(found).toBeUndefined();
    expect(codes(problems)).toEqual(['probe.opaque vg0']);
    expect(problems[0]?.message).toContain(
      'the volume group vg0 has volumes that are not in one piece on one disk here (root)',
    );
  });

  it('is not said to be none where the list of volumes is cut', async () => {
    const text = groupText({ volumes: [root] });
    const cut = member(0, text.slice(0, text.indexOf('logical_volumes')));
    const { found, problems } = await probe('installedOs', partitions(cut));
    expect({ found, codes: codes(problems) }).toEqual({
      found: undefined,
      codes: ['probe.opaque vg0'],
    });
  });

  it('is not said to be none where volumes lie within volumes deeper than is looked', async () => {
    const text = groupText({ volumes: [root] });
    const groups = [0, 1, 2].flatMap((depth) => member(0, text, depth * rootAt));
    const luks: Written = [3 * rootAt, 'LUKS\u00ba\u00be'];
    const { found, problems } = await probe('installedOs', partitions([...groups, luks]));
    expect({ found, codes: codes(problems) }).toEqual({
      found: undefined,
      codes: [`probe.opaque /dev/sda1@${3 * rootAt}`],
    });
  });

  it('is left alone where the kernel has opened one volume of the group', async () => {
    const text = groupText({ volumes: [root] });
    const disks = partitions([...member(0, text), ...ext4(rootAt)], member(1, text));
    const held = { ...disks, '/sys/class/block/sda2/holders/dm-0': '' };
    const { found, problems, root: host } = await probe('installedOs', held);
    expect({ found, problems }).toEqual({ found: [], problems: [] });
    expect(host.asked.filter((asked) => asked.startsWith('losetup'))).toEqual([]);
  });

  it.each([
    ['there is no losetup', {}, 'losetup'],
    ['no loop device can be had', { 'losetup -f': '/dev/loop3\n' }, 'losetup'],
  ])('is not said to be none where %s', async (_, commands, source) => {
    const text = groupText({ volumes: [root] });
    const disks = partitions([...member(0, text), ...ext4(rootAt)]);
    const { found, problems } = await probe('installedOs', disks, commands);
    expect({ found, codes: codes(problems) }).toEqual({
      found: undefined,
      codes: [`exec.failed ${source}`],
    });
  });
});

describe('a system on a mirror that nobody has opened', () => {
  const { files, commands } = examined('sda2', mib);

  it('is read from the member that was written last', async () => {
    const stale = [...mirror({ events: 5 }), ...ext4(mib, 0x90)];
    const disks = partitions(stale, [...mirror({ role: 1 }), ...ext4(mib)]);
    const { found, problems } = await probe('installedOs', { ...disks, ...files }, commands);
    expect(found).toMatchObject([{ fs_uuid: firstUuid, device: '/dev/sda2' }]);
    expect(problems).toEqual([]);
  });

  it.each([
    ['is being rebuilt', { features: 2 }],
    ['failed', { role: 0xff_fe }],
    ['is a spare', { role: 0xff_ff }],
  ])('is not read from a member that %s', async (_, unfit) => {
    const disks = partitions(
      [...mirror({ ...unfit, events: 99 }), ...ext4(mib, 0x90)],
      [...mirror({ role: 1 }), ...ext4(mib)],
    );
    const { found } = await probe('installedOs', { ...disks, ...files }, commands);
    expect(found).toMatchObject([{ fs_uuid: firstUuid }]);
  });

  it('may be on a logical volume of it', async () => {
    const text = groupText({ volumes: [root] });
    const inner = examined('sda1', mib + rootAt);
    const disks = partitions([...mirror({}), ...member(0, text, mib), ...ext4(mib + rootAt)]);
    const { found, problems } = await probe(
      'installedOs',
      { ...disks, ...inner.files },
      inner.commands,
    );
    expect(found).toMatchObject([{ name: 'Debian', device: '/dev/sda1' }]);
    expect(problems).toEqual([]);
  });

  it.each([
    ['an array of another kind', mirror({ level: 5 }), '/dev/sda1'],
    ['no member in sync', mirror({ features: 2 }), '/dev/sda1'],
    [
      'partitions in it',
      [...mirror({}), [mib + 510, '\u0055\u00aa'], [mib + 450, '\u0083']] as Written[],
      `/dev/sda1@${mib}`,
    ],
    [
      'something encrypted in it',
      [...mirror({}), [mib, 'LUKS\u00ba\u00be']] as Written[],
      `/dev/sda1@${mib}`,
    ],
  ])('is not said to be none where there is %s', async (_, written, source) => {
    const { found, problems } = await probe('installedOs', partitions(written));
    expect({ found, codes: codes(problems) }).toEqual({
      found: undefined,
      codes: [`probe.opaque ${source}`],
    });
  });

  it('is left alone where the kernel runs it without this member', async () => {
    const disks = partitions([...mirror({}), ...ext4(mib)], mirror({ role: 1 }));
    const running = { ...disks, '/sys/class/block/sda2/holders/md0': '' };
    const { found, problems } = await probe('installedOs', running);
    expect({ found, problems }).toEqual({ found: [], problems: [] });
  });
});
