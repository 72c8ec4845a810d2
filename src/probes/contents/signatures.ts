// The table of what is recognised on a disk: where its signature is, and where its fields are. Pure.
import { readArrayMember } from './array.ts';
import type { Fields } from './fields.ts';

/** The contents of a superblock besides its type. */
export interface Details {
  type?: string;
  label?: string | undefined;
  uuid?: string | undefined;
  /** The array, volume group or pool that the device is a member of. */
  group?: string | undefined;
  /** The number of devices in it. */
  members?: number | undefined;
}

export interface Signature {
  /** blkid's name. */
  readonly type: string;
  /** From the start of the device, from the start of whatever piece holds it, or back from the end of the
   *  device. */
  readonly from: 'device' | 'piece' | 'end';
  readonly at: number;
  /** In Latin-1. */
  readonly magic: string;
  /** Reads the details. `base` is where the positions of its format begin. Undefined: it is not one. */
  readonly details?: (fields: Fields, base: number) => Details | undefined;
}

type Reader = NonNullable<Signature['details']>;

/** FAT writes this where there is no label. */
const fat =
  (at: number): Reader =>
  (fields) => {
    const label = fields.name(at, 11);
    return label === 'NO NAME' ? {} : { label };
  };

const named =
  (uuid: number | undefined, label?: readonly [at: number, length: number]): Reader =>
  (fields, base) => ({
    uuid: uuid === undefined ? undefined : fields.uuid(base + uuid),
    label: label && fields.name(base + label[0], label[1]),
  });

/** Source: ext4 Documentation/filesystems/ext4/super.rst; features that ext3 and ext2 do not have. */
const ext: Reader = (fields, base) => {
  const [compat, incompat, readOnly] = [0x5c, 0x60, 0x64].map((at) => fields.u32(base + at));
  const isExt4 = ((incompat ?? 0) & ~0x16) !== 0 || ((readOnly ?? 0) & ~0x7) !== 0;
  const type =
    ((incompat ?? 0) & 8) !== 0
      ? 'jbd'
      : isExt4
        ? 'ext4'
        : ((compat ?? 0) & 4) !== 0
          ? 'ext3'
          : 'ext2';
  return { type, uuid: fields.uuid(base + 0x68), label: fields.name(base + 0x78, 16) };
};

const luks: Reader = (fields, base) => ({
  uuid: fields.name(base + 168, 40),
  label: fields.take(base + 6, 2)[1] === 2 ? fields.name(base + 24, 48) : undefined,
});

/** Source: md.4; linux/raid/md_p.h. */
const md1: Reader = (fields, base) => {
  const member = readArrayMember(fields, base);
  return (
    member && {
      uuid: member.uuid,
      group: member.uuid,
      members: member.members,
      label: member.name,
    }
  );
};
const md0: Reader = (fields, base) => {
  if (fields.u32(base + 4) !== 0) return undefined;
  const words = [20, 52, 56, 60].map((at) =>
    fields
      .u32(base + at)
      .toString(16)
      .padStart(8, '0'),
  );
  const group = words.join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return { uuid: group, group, members: fields.u32(base + 40) };
};

/** Source: lvm2 lib/format_text/layout.h. */
const lvm: Reader = (fields, base) => {
  const header = base + fields.u32(base + 20);
  const id = fields.ascii(header, 32);
  if (!/^[\w!#]{32}$/.test(id)) return {};
  return { uuid: id.replace(/^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-$5-$6-') };
};

const btrfs: Reader = (fields, base) => {
  const [uuid, devices] = [fields.uuid(base + 32), fields.u64(base + 136)];
  const group = devices > 1 ? { group: uuid, members: devices } : {};
  return { uuid, label: fields.name(base + 299, 256), ...group };
};

const bcache: Reader = (fields, base) => ({
  uuid: fields.uuid(base + 40),
  group: fields.uuid(base + 56),
  label: fields.name(base + 72, 32),
});

/** Source: ZFS on-disk format: label, its list of names and values in XDR. */
const zfs: Reader = (fields, base) => {
  const text = fields.ascii(base, 4096);
  // All of it is read, but little of it is needed.
  fields.spans.pop();
  const at = (pair: string): number | undefined => {
    const found = text.indexOf(pair);
    if (found === -1) return undefined;
    fields.take(base + found, pair.length);
    return base + found + pair.length;
  };
  fields.take(base, 40);
  const guid = at('pool_guid\0\0\0\0\0\0\u0008\0\0\0\u0001');
  const name = at('\0\0\0\u0004name\0\0\0\u0009\0\0\0\u0001');
  const group = guid === undefined ? undefined : fields.hex64(guid, 'big');
  const length = name === undefined ? 0 : fields.u32(name, 'big');
  return {
    group: group === undefined ? undefined : String(BigInt(`0x${group}`)),
    label: name === undefined ? undefined : fields.name(name + 4, Math.min(length, 255)),
  };
};

const gfs: Reader = (fields, base) => {
  const format = fields.u32(base + 24, 'big');
  if (format < 1800 && format !== 1309) return undefined;
  const type = format === 1309 ? 'gfs' : 'gfs2';
  return { type, label: fields.name(base + 160, 64), uuid: fields.uuid(base + 256) };
};

const bluestore: Reader = (fields, base) => {
  const uuid = fields.ascii(base + 23, 36);
  return /^[0-9a-f-]{36}$/.test(uuid) ? { uuid } : {};
};

const ntfs: Reader = (fields, base) => ({ uuid: fields.hex64(base + 72, 'little') });

const start = (
  type: string,
  at: number,
  magic: string,
  base = 0,
  details?: Reader,
): Signature & { readonly base: number } => ({
  type,
  from: 'device',
  at,
  magic,
  base,
  ...(details && { details }),
});
const piece = (type: string, at: number, magic: string, details?: Reader) => ({
  ...start(type, at, magic, 0, details),
  from: 'piece' as const,
});
const end = (type: string, back: number, magic: string) => ({
  ...start(type, -back, magic),
  from: 'end' as const,
});

const swapPages = [4096, 8192, 16_384, 65_536];
const mdMagic = '\u00fc\u004e\u002b\u00a9';
const bcacheMagic = '\u00c6\u0085\u0073\u00f6';

/** Positions are those of the formats' own documents, and the same that libblkid looks at. */
export const signatures: readonly (Signature & { readonly base: number })[] = [
  start('crypto_LUKS', 0, 'LUKS\u00ba\u00be', 0, luks),
  // The second header, where the first was overwritten.
  start('crypto_LUKS', 16_384, 'SKUL\u00ba\u00be', 16_384, luks),
  start('BitLocker', 3, '-FVE-FS-'),
  start('ntfs', 3, 'NTFS    ', 0, ntfs),
  start('exfat', 3, 'EXFAT   '),
  start('ReFS', 3, 'ReFS\0'),
  start('vfat', 54, 'FAT1', 0, fat(43)),
  start('vfat', 82, 'FAT32', 0, fat(71)),
  start('ext4', 1080, '\u0053\u00ef', 1024, ext),
  start('xfs', 0, 'XFSB', 0, named(32, [108, 12])),
  start('btrfs', 65_600, '_BHRfS_M', 65_536, btrfs),
  start('f2fs', 1024, '\u0010\u0020\u00f5\u00f2', 1024, named(108)),
  start('nilfs2', 1030, '\u0034\u0034', 1024, named(152, [168, 80])),
  start('erofs', 1024, '\u00e2\u00e1\u00f5\u00e0', 1024, named(48, [64, 16])),
  start('hfsplus', 1024, 'H+\0'),
  start('hfsplus', 1024, 'HX\0'),
  start('apfs', 32, 'NXSB', 0, named(72)),
  start('jfs', 32_768, 'JFS1', 32_768, named(136, [152, 16])),
  start('reiserfs', 65_588, 'ReIsEr', 65_536, named(84, [100, 16])),
  start('ufs', 9564, '\u0054\u0019\u0001\0'),
  start('ufs', 66_908, '\u0054\u0019\u0001\0'),
  start('vxfs', 8192, '\u00f5\u00fc\u0001\u00a5'),
  start('squashfs', 0, 'hsqs'),
  start('cramfs', 0, '\u0045\u003d\u00cd\u0028'),
  start('iso9660', 32_769, 'CD001', 32_768, named(undefined, [40, 32])),
  start('udf', 32_769, 'BEA01'),
  ...swapPages.flatMap((page) => [
    start('swap', page - 10, 'SWAPSPACE2', 1024, named(12, [28, 16])),
    start('swsuspend', page - 10, 'S1SUSPEND', 1024, named(12, [28, 16])),
  ]),
  start('gfs2', 65_536, '\u0001\u0016\u0019\u0070', 65_536, gfs),
  ...[1024, 2048, 4096, 8192].map((at) => start('ocfs2', at, 'OCFSV2', at, named(336, [272, 64]))),
  start('VMFS_volume_member', 1_048_576, '\u000d\u00d0\u0001\u00c0'),
  start('VMFS', 2_097_152, '\u005e\u00f1\u00ab\u002f', 2_097_152, named(undefined, [29, 128])),
  // The label is in one of the first four sectors.
  ...[0, 512, 1024, 1536].map((at) => start('LVM2_member', at + 24, 'LVM2 001', at, lvm)),
  start('linux_raid_member', 4096, mdMagic, 4096, md1),
  piece('linux_raid_member', 0, mdMagic, md1),
  piece('linux_raid_member', 0, mdMagic, md0),
  end('isw_raid_member', 1024, 'Intel Raid ISM Cfg Sig. '),
  end('isw_raid_member', 8192, 'Intel Raid ISM Cfg Sig. '),
  end('ddf_raid_member', 512, '\u00de\u0011\u00de\u0011'),
  end('ddf_raid_member', 4096, '\u00de\u0011\u00de\u0011'),
  end('nvidia_raid_member', 1024, 'NVIDIA'),
  end('lsi_mega_raid_member', 512, '$XIDE$'),
  ...['\u006b', '\u006c', '\u006d'].map((last) =>
    end('drbd', 4096 - 60, `\u0083\u0074\u0002${last}`),
  ),
  piece('zfs_member', 24, 'version\0', zfs),
  start('zfs_member', 16_408, 'version\0', 16_384, zfs),
  start('bcache', 4120, `${bcacheMagic}\u004e\u001a\u0045\u00ca`, 4096, bcache),
  start('bcachefs', 4120, `${bcacheMagic}\u0066\u00ce\u0090\u00a9`, 4096, named(56, [72, 32])),
  start('stratis', 516, '!Stra0tis'),
  start('stratis', 4612, '!Stra0tis'),
  start('vdo', 0, 'dmvdo001'),
  start('DM_integrity', 0, 'integrt\0'),
  start('DM_verity_hash', 0, 'verity\0\0'),
  start('ceph_bluestore', 0, 'bluestore block device', 0, bluestore),
  start('oracleasm', 32, 'ORCLDISK'),
  start('ldm_member', 3072, 'PRIVHEAD'),
  start('mac', 512, 'PM\0\0'),
  start('bsd', 512, '\u0057\u0045\u0056\u0082'),
  start('sun', 508, '\u00da\u00be'),
];
