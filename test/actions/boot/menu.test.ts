import { describe, expect, it } from 'vitest';
import { grubDefault, parseGrubEnv, snippetDefault } from '../../../src/actions/boot/menu.ts';
import { compareVersions } from '../../../src/actions/boot/version.ts';

const none = new Map<string, string>();

/** As update-grub of Debian 12 writes it, shortened. */
const debian = (preferred = '0') => `
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "\${next_entry}" ] ; then
   set default="\${next_entry}"
   set next_entry=
else
   set default="${preferred}"
fi
function savedefault {
  if [ -z "\${boot_once}" ]; then
    saved_entry="\${chosen}"
  fi
}
menuentry 'Debian GNU/Linux' --class debian --class os $menuentry_id_option 'gnulinux-simple-1234' {
	load_video
	if [ x$grub_platform = xxen ]; then insmod xzio; fi
	search --no-floppy --fs-uuid --set=root 1234
	echo	'Loading Linux 6.10.3-amd64 ...'
	linux	/boot/vmlinuz-6.10.3-amd64 root=UUID=1234 ro  quiet
	initrd	/boot/initrd.img-6.10.3-amd64
}
submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-1234' {
	menuentry 'Debian GNU/Linux, with Linux 6.10.3-amd64' --class debian $menuentry_id_option 'gnulinux-6.10.3-amd64-advanced-1234' {
		linux	/boot/vmlinuz-6.10.3-amd64 root=UUID=1234 ro quiet
		initrd	/boot/initrd.img-6.10.3-amd64
	}
	menuentry 'Debian GNU/Linux, with Linux 6.10.3-amd64 (recovery mode)' $menuentry_id_option 'gnulinux-6.10.3-amd64-recovery-1234' {
		linux	/boot/vmlinuz-6.10.3-amd64 root=UUID=1234 ro single
		initrd	/boot/initrd.img-6.10.3-amd64
	}
	menuentry 'Debian GNU/Linux, with Linux 6.9.12-amd64' $menuentry_id_option 'gnulinux-6.9.12-amd64-advanced-1234' {
		linux	/boot/vmlinuz-6.9.12-amd64 root=UUID=1234 ro quiet
		initrd	/boot/initrd.img-6.9.12-amd64
	}
}
menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {
	fwsetup
}
`;
const first = {
  title: 'Debian GNU/Linux',
  kernel: '/boot/vmlinuz-6.10.3-amd64',
  initrds: ['/boot/initrd.img-6.10.3-amd64'],
  args: 'root=UUID=1234 ro quiet',
};

describe('the entry that GRUB boots', () => {
  it.each<[string, string, string]>([
    ['the first one', '0', '/boot/vmlinuz-6.10.3-amd64'],
    ['one of a submenu by numbers', '1>2', '/boot/vmlinuz-6.9.12-amd64'],
    [
      'one of a submenu by ids',
      'gnulinux-advanced-1234>gnulinux-6.9.12-amd64-advanced-1234',
      '/boot/vmlinuz-6.9.12-amd64',
    ],
    ['one by its id alone', 'gnulinux-6.9.12-amd64-advanced-1234', '/boot/vmlinuz-6.9.12-amd64'],
    ['the first of a submenu', '1', '/boot/vmlinuz-6.10.3-amd64'],
    ['the first one where the default is gone', 'Windows', '/boot/vmlinuz-6.10.3-amd64'],
    ['the first kernel where the default has none', 'uefi-firmware', '/boot/vmlinuz-6.10.3-amd64'],
  ])('is %s', (_, preferred, kernel) => {
    expect(grubDefault(debian(preferred), none)?.kernel).toBe(kernel);
  });

  it('comes with its own ramdisk and arguments', () => {
    expect(grubDefault(debian(), none)).toEqual(first);
  });

  it('is the saved one where the default is that', () => {
    const env = '# GRUB Environment Block\nsaved_entry=gnulinux-6.9.12-amd64-advanced-1234\n#####';
    const entry = grubDefault(debian('${saved_entry}'), parseGrubEnv(env));
    expect(entry?.kernel).toBe('/boot/vmlinuz-6.9.12-amd64');
  });

  it('has no variables, modules of its root or missing values left', () => {
    const text = `menuentry "Ubuntu" {
      linux16 ($root)/vmlinuz-6.8.0-31-generic root=LABEL=cloudimg-rootfs ro console=tty1 $vt_handoff \${extra}
      initrd16 ($root)/microcode.cpio ($root)/initrd.img-6.8.0-31-generic
    }`;
    expect(grubDefault(text, new Map([['extra', 'a=1']]))).toEqual({
      title: 'Ubuntu',
      kernel: '/vmlinuz-6.8.0-31-generic',
      initrds: ['/microcode.cpio', '/initrd.img-6.8.0-31-generic'],
      args: 'root=LABEL=cloudimg-rootfs ro console=tty1 a=1',
    });
  });

  it('is none where the file reads snippets', () => {
    const text = "insmod blscfg\nblscfg\nmenuentry 'UEFI Firmware Settings' {\n fwsetup\n}\n";
    expect(grubDefault(text, none)).toBeUndefined();
    expect(grubDefault('', none)).toBeUndefined();
  });
});

const snippet = (name: string, version: string, more = '') => ({
  name,
  text: `title Rocky Linux (${version})\nversion ${version}\nlinux /vmlinuz-${version}\ninitrd /initramfs-${version}.img $tuned_initrd\noptions $kernelopts $tuned_params\n${more}`,
});
const rocky = [
  snippet('abc-5.14.0-9.el9.x86_64', '5.14.0-9.el9.x86_64', 'grub_users $grub_users\n'),
  snippet('abc-5.14.0-70.13.1.el9.x86_64', '5.14.0-70.13.1.el9.x86_64'),
  snippet('abc-0-rescue', '0-rescue-abc'),
  { name: 'unified', text: 'title Unified\nversion 9\nefi /EFI/Linux/x.efi\n' },
];
const kernelopts = new Map([['kernelopts', 'root=/dev/vda2 ro crashkernel=auto']]);

describe('the snippet that is booted', () => {
  it('is that of the newest version', () => {
    expect(snippetDefault(rocky, kernelopts)).toEqual({
      title: 'Rocky Linux (5.14.0-70.13.1.el9.x86_64)',
      kernel: '/vmlinuz-5.14.0-70.13.1.el9.x86_64',
      initrds: ['/initramfs-5.14.0-70.13.1.el9.x86_64.img'],
      args: 'root=/dev/vda2 ro crashkernel=auto',
    });
  });

  it.each<[string, string | undefined, string]>([
    ['saved', undefined, 'abc-5.14.0-9.el9.x86_64'],
    ['named by loader.conf', 'abc-5.14.0-9*', ''],
    ['named with its ending', 'abc-5.14.0-9.el9.x86_64.conf', ''],
  ])('is the one that is %s', (_, wanted, saved) => {
    const entry = snippetDefault(rocky, new Map([['saved_entry', saved]]), wanted);
    expect(entry?.kernel).toBe('/vmlinuz-5.14.0-9.el9.x86_64');
  });

  it('is the rescue one only where there is no other, and none of a unified image', () => {
    expect(snippetDefault(rocky.slice(2), none)?.kernel).toBe('/vmlinuz-0-rescue-abc');
    expect(snippetDefault(rocky.slice(3), none)).toBeUndefined();
  });

  it('has the ramdisks of all its lines, and all its options', () => {
    const text =
      'title Arch\nlinux /vmlinuz-linux\ninitrd /intel-ucode.img\ninitrd /initramfs-linux.img\noptions root=/dev/sda2\noptions rw\n';
    expect(snippetDefault([{ name: 'arch', text }], none)).toMatchObject({
      initrds: ['/intel-ucode.img', '/initramfs-linux.img'],
      args: 'root=/dev/sda2 rw',
    });
  });
});

it.each([
  ['6.9', '6.10'],
  ['6.1.0-9-amd64', '6.1.0-10-amd64'],
  ['6.10.0-rc1', '6.10.0'],
  ['6.10~rc1', '6.10'],
  ['5.14.0-70.el9', '5.14.0-70.13.1.el9'],
  ['6.8.0-31-generic', '6.8.0-100-generic'],
  ['6.9', '6.9.1'],
])('version %s is before %s', (older, newer) => {
  expect(compareVersions(older, newer)).toBeLessThan(0);
  expect(compareVersions(newer, older)).toBeGreaterThan(0);
  expect(compareVersions(newer, newer)).toBe(0);
});
