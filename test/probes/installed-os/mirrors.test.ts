// Systems on Linux mirrors that nobody has opened.
import { describe, expect, it } from 'vitest';
import { groupText } from '../contents/lvm.ts';
import type { Written } from '../contents/device.ts';
import { codes, probe } from '../host.ts';
import {
  mib,
  firstUuid,
  words,
  ext4,
  member,
  partitions,
  examined,
  root,
  rootAt,
} from './inner.ts';

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
