// Systems on logical volumes that nobody has opened.
import { describe, expect, it } from 'vitest';
import { groupText, volumeText } from '../contents/lvm.ts';
import type { Written } from '../contents/device.ts';
import { codes, probe } from '../host.ts';
import {
  mib,
  id,
  firstUuid,
  ext4,
  member,
  partitions,
  examined,
  extent,
  root,
  rootAt,
} from './inner.ts';

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
