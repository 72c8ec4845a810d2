import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';
import type { DiskContents } from '../../../src/model/hardware/contents.ts';
import { collect } from '../../../src/probes/collect.ts';
import { allProbes } from '../../../src/probes/index.ts';
import { codes, probe } from '../host.ts';
import { MemoryRoot, type Entry } from '../memory-root.ts';
import { device, diskFiles, type Written } from './device.ts';

const mib = 2 ** 20;
const size = 512 * mib;
const image = { '/etc/dragonfly-image': '{}' };
const id = Uint8Array.from({ length: 16 }, (_, i) => i + 0x10);
const uuid = '10111213-1415-1617-1819-1a1b1c1d1e1f';

async function contentsOf(...written: readonly Written[]): Promise<readonly DiskContents[]> {
  const files = { ...image, ...diskFiles('sda', size), '/dev/sda': device(size, ...written) };
  const { found, problems } = await probe('contents', files);
  expect(problems).toEqual([]);
  return found?.[0]?.contents ?? [];
}

function words(length: number, at: Readonly<Record<number, number>>): Uint8Array {
  const bytes = Buffer.alloc(length);
  for (const [place, value] of Object.entries(at)) bytes.writeUInt32LE(value, Number(place));
  return bytes;
}

const md1 = Buffer.concat([
  words(16, { 0: 0xa9_2b_4e_fc, 4: 1 }),
  id,
  Buffer.from('node7:0'.padEnd(32, '\0')),
  words(64, { 28: 4 }),
]);
const md0 = words(128, {
  0: 0xa9_2b_4e_fc,
  8: 90,
  20: 0x10_11_12_13,
  40: 2,
  52: 0x14_15_16_17,
  56: 0x18_19_1a_1b,
  60: 0x1c_1d_1e_1f,
});
/** A pair of an XDR list: its sizes, its name, its type and count, its value. */
const pool = [
  [24, 'version\0'],
  [200, '\0\0\0\u0004name\0\0\0\u0009\0\0\0\u0001\0\0\0\u0005rpool\0\0\0'],
  [260, 'pool_guid\0\0\0\0\0\0\u0008\0\0\0\u0001\0\0\0\0\0\0\u0001\u0002'],
] as const;
const zfs = (label: number): Written[] =>
  pool.map(([at, text]) => [label + 16_384 + at, text] as const);

/** The signature of each kind that no test makes with its own tools, as its format describes it. */
const kinds: readonly [string, Partial<DiskContents>, ...Written[]][] = [
  [
    'md 1.0',
    { type: 'linux_raid_member', group: uuid, members: 4, label: 'node7:0' },
    [-8192, md1],
  ],
  ['md 1.1', { type: 'linux_raid_member', group: uuid, members: 4 }, [0, md1]],
  ['md 1.2', { type: 'linux_raid_member', group: uuid, members: 4 }, [4096, md1]],
  ['md 0.90', { type: 'linux_raid_member', group: uuid, members: 2 }, [-65_536, md0]],
  ['the first ZFS label', { type: 'zfs_member', label: 'rpool', group: '258' }, ...zfs(0)],
  ['the second ZFS label', { type: 'zfs_member', label: 'rpool' }, ...zfs(256 * 1024)],
  ['the third ZFS label', { type: 'zfs_member', label: 'rpool' }, ...zfs(size - 512 * 1024)],
  ['the fourth ZFS label', { type: 'zfs_member', label: 'rpool' }, ...zfs(size - 256 * 1024)],
  ['BitLocker', { type: 'BitLocker' }, [3, '-FVE-FS-'], [510, '\u0055\u00aa']],
  ['ReFS', { type: 'ReFS' }, [0, '\0\0\0ReFS\0\0\0\0FSRS']],
  ['a second LUKS header', { type: 'crypto_LUKS' }, [16_384, 'SKUL\u00ba\u00be\0\u0002']],
  ['Ceph', { type: 'ceph_bluestore', uuid }, [0, `bluestore block device\n${uuid}\n`]],
  ['VMFS', { type: 'VMFS_volume_member' }, [mib, '\u000d\u00d0\u0001\u00c0']],
  ['a BIOS RAID of Intel', { type: 'isw_raid_member' }, [-1024, 'Intel Raid ISM Cfg Sig. 1.3']],
  ['a RAID controller', { type: 'ddf_raid_member' }, [-512, '\u00de\u0011\u00de\u0011']],
  ['DRBD', { type: 'drbd' }, [60 - 4096, '\u0083\u0074\u0002\u006b']],
  ['bcachefs', { type: 'bcachefs' }, [4120, '\u00c6\u0085\u0073\u00f6\u0066\u00ce\u0090\u00a9']],
  ['Stratis', { type: 'stratis' }, [516, '!Stra0tis\u0086\u00ff\u0002^Arh']],
  ['Oracle ASM', { type: 'oracleasm' }, [32, 'ORCLDISKDATA']],
  ['a CD image', { type: 'iso9660', label: 'DEBIAN' }, [32_769, 'CD001'], [32_808, 'DEBIAN   ']],
  ['a copy of a GPT alone', { type: 'gpt' }, [-512, 'EFI PART']],
  ['a GPT of 4 KiB sectors', { type: 'gpt' }, [4096, 'EFI PART']],
];

describe('the contents probe', () => {
  it.each(kinds)('recognises %s', async (_, expected, ...written) => {
    expect(await contentsOf(...written)).toMatchObject([{ device: '/dev/sda', ...expected }]);
  });

  it('says that a blank disk is empty, and one that an SSD erased to ones', async () => {
    expect(await contentsOf()).toEqual([]);
    expect(await contentsOf([0, new Uint8Array(36 * 1024).fill(0xff)])).toEqual([]);
  });

  it('says that a new partition table without partitions is empty', async () => {
    const gpt = Buffer.alloc(92);
    gpt.write('EFI PART');
    gpt.writeUInt32LE(0xab_54_d2_86, 88);
    const mbr = Buffer.alloc(72);
    mbr.set([0xee], 10);
    mbr.set([0x55, 0xaa], 70);
    expect(await contentsOf([440, mbr], [512, gpt], [-512, gpt])).toEqual([]);
  });

  it.each([
    ['in its first sector', 100],
    ['in its last', -100],
    ['at a mebibyte', mib],
    ['in the middle', Math.floor((Math.floor(size / 33) * 16) / 4096) * 4096 + 5000],
  ])('counts what it does not know as data: %s', async (_, at) => {
    expect(await contentsOf([at, 'x'])).toEqual([{ device: '/dev/sda', type: 'data' }]);
  });

  it('looks into each partition, and names what GPT says of those without a file system', async () => {
    const gpt = Buffer.alloc(1024);
    gpt.write('EFI PART');
    const vmwareReserved = 'fcef9891c031db118f78000c2911d1b8';
    gpt.set(Buffer.from(vmwareReserved, 'hex'), 512 + 128);
    const files = {
      ...image,
      ...diskFiles('nvme0n1', size, { nvme0n1p1: 8 * mib, nvme0n1p2: 8 * mib, nvme0n1p3: 1024 }),
      '/dev/nvme0n1': device(size, [512, gpt]),
      '/dev/nvme0n1p1': device(8 * mib, [0, 'XFSB'], [32, id], [108, 'data']),
      '/dev/nvme0n1p2': device(8 * mib, [77, 'x']),
      '/dev/nvme0n1p3': device(1024, [0, 'x']),
    };
    const { found } = await probe('contents', files);
    expect(found).toEqual([
      {
        device: '/dev/nvme0n1',
        contents: [
          { device: '/dev/nvme0n1', type: 'gpt' },
          { device: '/dev/nvme0n1p1', type: 'xfs', uuid, label: 'data' },
          { device: '/dev/nvme0n1p2', type: 'data', label: 'VMware reserved' },
        ],
      },
    ]);
  });

  it('leaves out a disk that it could not read, and says so', async () => {
    const refused: Entry = {
      range: () => {
        throw new AppError('read.failed', 'EIO');
      },
    };
    const files = {
      ...image,
      ...diskFiles('sda', size),
      ...diskFiles('sdb', size),
      '/dev/sda': refused,
      '/dev/sdb': device(size),
    };
    const { found, problems } = await probe('contents', files);
    expect(found).toEqual([{ device: '/dev/sdb', contents: [] }]);
    expect(codes(problems)).toEqual(['read.failed /dev/sda']);
  });

  it('keeps what it found on a disk of which another part cannot be read', async () => {
    const files = {
      ...image,
      ...diskFiles('sda', size, { sda1: 8 * mib, sda2: 8 * mib }),
      '/dev/sda': device(size),
      '/dev/sda1': device(8 * mib, [0, 'XFSB']),
    };
    const { found, problems } = await probe('contents', files);
    expect(found?.[0]?.contents).toEqual([{ device: '/dev/sda1', type: 'xfs' }]);
    expect(codes(problems)).toEqual(['read.failed /dev/sda2']);
  });

  it('reads no disk of an installed system unless asked', async () => {
    const files = { ...diskFiles('sda', size), '/dev/sda': device(size), '/proc/mounts': '' };
    expect((await probe('contents', files)).found).toBeUndefined();
    const asked = await probe('contents', files, {}, { probeOs: true });
    expect(asked.found).toEqual([{ device: '/dev/sda', contents: [] }]);
  });

  it('costs its own section when a disk hangs for ever', async () => {
    const clock = new ManualClock(new Date(0));
    const root = MemoryRoot.of({
      ...image,
      ...diskFiles('sda', size),
      '/dev/sda': { hangs: true },
    });
    const probes = allProbes({}).filter(({ name }) => name === 'contents');
    const collecting = collect(root, { probes, clock, timeoutMs: 10_000 });
    // Those that read disks have three times as long.
    await clock.advance(30_000);
    const { facts, problems } = await collecting;
    expect(facts.contents).toBeUndefined();
    expect(codes(problems)).toEqual(['probe.timeout contents']);
  });
});
