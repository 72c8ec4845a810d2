// The packages of a Debian system that make it boot, and the files that it gets beside its packages'. Pure.
import { AppError } from '../../core/errors.ts';

export interface Target {
  /** The ID of os-release: "debian", "ubuntu". */
  readonly id: string;
  /** As dpkg names it: "amd64". */
  readonly arch: string;
  readonly isUefi: boolean;
}

/** GRUB's names by dpkg's. */
const grubTargets: Readonly<Record<string, string>> = { amd64: 'x86_64-efi', arm64: 'arm64-efi' };

export function kernelPackage({ id, arch }: Target): string {
  return id === 'ubuntu' ? 'linux-image-generic' : `linux-image-${arch}`;
}

/** GRUB's packages; on UEFI with the signed loaders for Secure Boot. Errors: AppError `action.failed` for machines
 *  that GRUB does not support. */
export function bootPackages({ arch, isUefi }: Target): readonly string[] {
  requireGrub({ arch, isUefi });
  return isUefi ? [`grub-efi-${arch}`, `grub-efi-${arch}-signed`, 'shim-signed'] : ['grub-pc'];
}

/** The arguments of grub-install. No firmware entry is made: every firmware boots a loader at the fallback
 *  path. */
export function grubInstall({ id, arch, isUefi }: Target, disk: string): readonly string[] {
  if (!isUefi) return ['--target=i386-pc', '--recheck', disk];
  return [
    `--target=${grubTargets[arch] ?? ''}`,
    '--efi-directory=/boot/efi',
    `--bootloader-id=${id}`,
    '--uefi-secure-boot',
    '--no-nvram',
    '--force-extra-removable',
  ];
}

function requireGrub({ arch, isUefi }: Pick<Target, 'arch' | 'isUefi'>): void {
  if (isUefi ? grubTargets[arch] !== undefined : arch === 'amd64' || arch === 'i386') return;
  const firmware = isUefi ? 'UEFI' : 'BIOS';
  throw new AppError('action.failed', `there is no GRUB for ${arch} and ${firmware}`);
}

/** File systems by UUID. Source: fstab(5). */
export function fstab({ root, esp }: { root: string; esp: string | undefined }): string {
  const lines = [`UUID=${root} / ext4 defaults,errors=remount-ro 0 1`];
  if (esp !== undefined) lines.push(`UUID=${esp} /boot/efi vfat umask=0077 0 1`);
  return `${lines.join('\n')}\n`;
}

export interface SystemFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/** `name` is the host name of this boot. The system gets the consoles of its command line. */
export function fileList(name: string | undefined, commandLine: string): readonly SystemFile[] {
  const isName = name !== undefined && /^[a-z0-9][a-z0-9.-]*$/i.test(name) && name !== 'localhost';
  const hostName = isName ? name : 'debian';
  const consoles = commandLine.match(/(?<=^|\s)console=[\w,.]+/g) ?? [];
  return [
    { path: '/etc/hostname', content: `${hostName}\n`, mode: 0o644 },
    {
      path: '/etc/hosts',
      content: `127.0.0.1 localhost\n127.0.1.1 ${hostName}\n::1 localhost ip6-localhost ip6-loopback\n`,
      mode: 0o644,
    },
    {
      path: '/etc/systemd/network/80-dhcp.network',
      content: '[Match]\nType=ether\nKind=!*\n\n[Network]\nDHCP=yes\n',
      mode: 0o644,
    },
    {
      path: '/etc/default/grub.d/consoles.cfg',
      content: `GRUB_CMDLINE_LINUX="${consoles.join(' ')}"\n`,
      mode: 0o644,
    },
    // Nothing is started in a system that has not booted.
    { path: '/usr/sbin/policy-rc.d', content: '#!/bin/sh\nexit 101\n', mode: 0o755 },
  ];
}
