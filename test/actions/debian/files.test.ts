import { describe, expect, it } from 'vitest';
import {
  bootPackages,
  fileList,
  fstab,
  grubInstall,
  kernelPackage,
} from '../../../src/actions/debian/files.ts';

const debian = { id: 'debian', arch: 'amd64', isUefi: false };
const uefi = { ...debian, isUefi: true };

describe('a Debian system', () => {
  it('gets the kernel and the boot loader of its distribution, machine and firmware', () => {
    expect(kernelPackage(debian)).toBe('linux-image-amd64');
    expect(kernelPackage({ ...debian, id: 'ubuntu' })).toBe('linux-image-generic');
    expect(bootPackages(debian)).toEqual(['grub-pc']);
    expect(bootPackages(uefi)).toEqual(['grub-efi-amd64', 'grub-efi-amd64-signed', 'shim-signed']);
    expect(() => bootPackages({ ...debian, arch: 'arm64' })).toThrow('no GRUB for arm64 and BIOS');
    expect(() => bootPackages({ ...uefi, arch: 's390x' })).toThrow('no GRUB for s390x and UEFI');
  });

  it('has its boot loader on the disk, or where firmware falls back to', () => {
    expect(grubInstall(debian, '/dev/sda')).toEqual(['--target=i386-pc', '--recheck', '/dev/sda']);
    expect(grubInstall({ ...uefi, arch: 'arm64' }, '/dev/sda')).toEqual([
      '--target=arm64-efi',
      '--efi-directory=/boot/efi',
      '--bootloader-id=debian',
      '--uefi-secure-boot',
      '--no-nvram',
      '--force-extra-removable',
    ]);
  });

  it('mounts by UUID', () => {
    expect(fstab({ root: '1', esp: '2' })).toBe(
      'UUID=1 / ext4 defaults,errors=remount-ro 0 1\nUUID=2 /boot/efi vfat umask=0077 0 1\n',
    );
  });

  it.each([
    ['web1', 'web1'],
    [undefined, 'debian'],
    ['localhost', 'debian'],
    ['(none)', 'debian'],
    ['a\nb', 'debian'],
  ])('whose netboot image is called %s is called %s', (given, name) => {
    const files = new Map(fileList(given, '').map((file) => [file.path, file.content]));
    expect(files.get('/etc/hostname')).toBe(`${name}\n`);
  });

  it('has the consoles of this boot, and nothing else of its command line', () => {
    const line = 'console=tty0 dragonfly.token=x console=ttyS0,115200n8 console=$(reboot)"';
    const files = new Map(fileList('x', line).map((file) => [file.path, file.content]));
    expect(files.get('/etc/default/grub.d/consoles.cfg')).toBe(
      'GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200n8 "\n'.replace(' "', '"'),
    );
  });
});
