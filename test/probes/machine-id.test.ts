import { describe, expect, it } from 'vitest';
import { parseMachineId, volatileRoot, withInstalledOs } from '../../src/probes/machine-id.ts';
import { codes, denied, probe, read } from './host.ts';

const id = '0123456789abcdef0123456789abcdef';
const onDisk = '/dev/sda1 / ext4 rw,relatime 0 0\n';

describe('the machineId probe', () => {
  it('reads the id of an installed system', async () => {
    const found = await read('machineId', { '/etc/machine-id': `${id}\n`, '/proc/mounts': onDisk });
    expect(found).toEqual({
      machine_id: { value: id, source: '/etc/machine-id' },
      rejected: [],
      netboot_image: null,
    });
  });

  it.each([
    ['its mark', { '/etc/dragonfly-image': '{"version":"0.1.0","profile":"net"}' }, 'image 0.1.0'],
    ['a mark that is no JSON', { '/etc/dragonfly-image': '{' }, 'image'],
    ['a root in memory', { '/proc/mounts': 'rootfs / rootfs rw 0 0\n' }, 'root is rootfs'],
  ])('never counts the id of a netboot image, known by %s', async (_, files, description) => {
    const found = await read('machineId', { ...files, '/etc/machine-id': `${id}\n` });
    expect(found.machine_id).toBeNull();
    expect(found.netboot_image?.description).toBe(description);
    expect(found.rejected).toEqual([
      { value: id, source: '/etc/machine-id', why: 'random at each boot: netboot image' },
    ]);
  });

  it('says why an id that is not set does not count', async () => {
    const found = await read('machineId', { '/etc/machine-id': 'uninitialized\n' });
    expect(found).toMatchObject({ machine_id: null, rejected: [{ value: 'uninitialized' }] });
  });

  it('reports a denied id', async () => {
    const { found, problems } = await probe('machineId', { '/etc/machine-id': denied('it') });
    expect(found?.machine_id).toBeNull();
    expect(codes(problems)).toEqual(['read.denied /etc/machine-id']);
  });

  it('does not count an id where it cannot tell whether it is that of a netboot image', async () => {
    const files = { '/etc/machine-id': `${id}\n`, '/proc/mounts': denied('/proc/mounts') };
    expect(await read('machineId', files)).toMatchObject({
      machine_id: null,
      rejected: [{ value: id, why: 'it cannot be told whether this is a netboot image' }],
    });
  });

  it('knows no id and no problem where there is no file', async () => {
    const { found, problems } = await probe('machineId', {});
    expect(found).toEqual({ machine_id: null, rejected: [], netboot_image: null });
    expect(problems).toEqual([]);
  });
});

describe('parseMachineId', () => {
  it.each([id, `${id}\n`, id.toUpperCase()])('accepts %j', (text) => {
    expect(parseMachineId(text)).toBe(id);
  });

  it.each([
    '',
    '\n',
    'uninitialized',
    '00000000000000000000000000000000',
    '01234567-89ab-cdef-0123-456789abcdef',
    `${id}0`,
    `${id}\n\n`,
    ` ${id}`,
  ])('rejects %j', (text) => {
    expect(parseMachineId(text)).toBeUndefined();
  });
});

describe('volatileRoot', () => {
  it.each([
    ['tmpfs / tmpfs rw 0 0', 'tmpfs'],
    ['none / ramfs rw 0 0', 'ramfs'],
    ['/dev/loop0 / squashfs ro 0 0', 'squashfs over an image'],
    [
      '/dev/loop0 /run/rootfs squashfs ro 0 0\noverlay / overlay rw,lowerdir=/run/rootfs 0 0',
      'overlay over an image',
    ],
    ['/dev/mapper/live-rw / ext4 rw 0 0', 'ext4 over an image'],
    [
      '/dev/loop1 /run/base ext4 ro 0 0\nLiveOS_rootfs / overlay rw,lowerdir=/run/base 0 0',
      'overlay over an image',
    ],
    ['overlay / overlay rw,lowerdir=/a.squashfs:/b.squashfs 0 0', 'overlay over an image'],
  ])('finds a root in memory in %j', (mounts, type) => {
    expect(volatileRoot(mounts)).toBe(type);
  });

  it.each([
    ['rootfs below a disk', `rootfs / rootfs rw 0 0\n${onDisk}`],
    [
      'an overlay beside snaps',
      '/dev/loop0 /snap/core/1 squashfs ro 0 0\noverlay / overlay rw 0 0',
    ],
    [
      'an installed system on composefs',
      'composefs / overlay ro,lowerdir=/run/cfs::/sysroot/objects 0 0\nnone /run/cfs erofs ro 0 0',
    ],
    [
      'an overlay beside a config drive',
      'overlay / overlay rw,lowerdir=/sysroot 0 0\n/dev/sr0 /mnt iso9660 ro 0 0',
    ],
    ["a container's root", 'overlay / overlay rw,lowerdir=/a 0 0'],
    ['a root over the network', 'server:/root / nfs4 rw 0 0'],
    ['junk', '\u0000/ / /\n'],
    ['nothing', ''],
  ])('does not take %s for one', (_, mounts) => {
    expect(volatileRoot(mounts)).toBeUndefined();
  });
});

describe('withInstalledOs', () => {
  const system = {
    name: 'Debian',
    hostname: null,
    machine_id: id,
    fs_uuid: null,
    kernel_path: null,
    initrd_path: null,
    device: '/dev/sda2',
  };
  const image = { source: '/proc/mounts', description: 'root is rootfs' };

  it('counts the id of the system on the disk in a netboot image', () => {
    const facts = withInstalledOs({ machine_id: null, netboot_image: image }, [system]);
    expect(facts.machine_id).toEqual({ value: id, source: '/etc/machine-id on /dev/sda2' });
  });

  it('leaves the id of an installed host alone', () => {
    const facts = { machine_id: null, netboot_image: null };
    expect(withInstalledOs(facts, [system])).toBe(facts);
  });

  it('counts no id where the system on the disk has none', () => {
    const facts = { machine_id: null, netboot_image: image };
    expect(withInstalledOs(facts, [{ ...system, machine_id: null }])).toBe(facts);
  });
});
