// The programs that the actions run, and Debian's packages of them: for whoever builds an image in which the
// actions work, or wants to know what is missing in one. A test holds it to the actions' code.
import type { ActionName } from '../action.ts';

/** Debian's package by program. */
export const programPackages = {
  blkid: 'util-linux',
  bzip2: 'bzip2',
  chroot: 'coreutils',
  cryptsetup: 'cryptsetup-bin',
  debootstrap: 'debootstrap',
  dmsetup: 'dmsetup',
  efibootmgr: 'efibootmgr',
  env: 'coreutils',
  cat: 'coreutils',
  dpkg: 'dpkg',
  fallocate: 'util-linux',
  flock: 'util-linux',
  kexec: 'kexec-tools',
  gpgv: 'gpgv',
  ln: 'coreutils',
  lvm: 'lvm2',
  mdadm: 'mdadm',
  mkdir: 'coreutils',
  'mkfs.btrfs': 'btrfs-progs',
  'mkfs.ext4': 'e2fsprogs',
  'mkfs.vfat': 'dosfstools',
  'mkfs.xfs': 'xfsprogs',
  mkswap: 'util-linux',
  mount: 'mount',
  nsenter: 'util-linux',
  partx: 'util-linux',
  perl: 'perl-base',
  reboot: 'systemd-sysv',
  rm: 'coreutils',
  setpriv: 'util-linux',
  sfdisk: 'fdisk',
  sh: 'dash',
  swapoff: 'mount',
  sync: 'coreutils',
  tee: 'coreutils',
  udevadm: 'udev',
  umount: 'mount',
  uname: 'coreutils',
  unshare: 'util-linux',
  wc: 'coreutils',
  wget: 'wget',
  wipefs: 'util-linux',
  xz: 'xz-utils',
} as const;

type ProgramName = keyof typeof programPackages;

export interface Programs {
  /** Without these the action does nothing. */
  readonly always: readonly ProgramName[];
  /** For some disks, machines, images or fields alone. */
  readonly sometimes: readonly ProgramName[];
}

const reload = ['partx'] as const;
const tearDown = ['flock', 'wipefs', ...reload] as const;
/** Where a disk is in use, and where udev runs. */
const takeDown = ['cryptsetup', 'dmsetup', 'mdadm', 'swapoff', 'tee', 'udevadm', 'umount'] as const;
/** Where the system is on a logical volume. */
const volumes = ['lvm'] as const;
const mounted = [
  'blkid',
  'mkdir',
  'mount',
  'nsenter',
  'setpriv',
  'sh',
  'umount',
  'unshare',
  ...reload,
] as const;
const environment = ['chroot', 'env', 'rm', ...mounted] as const;

export const actionPrograms: Readonly<Record<ActionName, Programs>> = {
  chroot: { always: environment, sometimes: ['udevadm', ...volumes] },
  debootstrap: {
    always: [
      'debootstrap',
      'dpkg',
      'gpgv',
      'ln',
      'mkfs.ext4',
      'perl',
      'sfdisk',
      'sync',
      'wget',
      ...tearDown,
      ...environment,
    ],
    sometimes: ['mkfs.vfat', ...takeDown],
  },
  efibootmgr: {
    always: ['blkid', 'efibootmgr'],
    sometimes: ['uname', 'udevadm', ...mounted, ...volumes],
  },
  image2disk: { always: tearDown, sometimes: ['bzip2', 'fallocate', 'setpriv', 'xz', ...takeDown] },
  jetpack: { always: ['uname', ...environment], sometimes: ['udevadm', ...volumes] },
  kexec: {
    always: ['kexec', 'sync', ...mounted],
    sometimes: ['cat', 'reboot', 'rm', 'tee', 'udevadm', 'wc', ...volumes],
  },
  partition: {
    always: ['sfdisk', ...tearDown],
    sometimes: ['mkfs.btrfs', 'mkfs.ext4', 'mkfs.vfat', 'mkfs.xfs', 'mkswap', ...takeDown],
  },
  reboot: {
    always: ['reboot', 'sync'],
    sometimes: ['blkid', 'efibootmgr', 'partx', 'tee', 'udevadm'],
  },
  seabios: { always: [], sometimes: [] },
  writefile: { always: mounted, sometimes: ['udevadm', ...volumes] },
};
