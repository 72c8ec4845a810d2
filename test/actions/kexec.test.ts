import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../../src/actions/action.ts';
import { kexec } from '../../src/actions/kexec.ts';
import { AppError } from '../../src/core/errors.ts';
import { HostRoot } from '../../src/sources/host.ts';
import type { LoopDisk } from '../sources/writing/loop.ts';
import { canInstall, needs } from './installing.ts';
import { systemDisk } from './systems.ts';
import { hastyHost, thisHost, workplace } from './workplace.ts';

interface Loaded {
  readonly kernel: string;
  readonly initrd: string | undefined;
  readonly args: string | undefined;
}

/** This host, whose kernel was started with `running`; what it would start is noted. */
function machine(running = 'console=ttyS1,115200 dragonfly.url=http://x', fails?: Error) {
  const commands: string[] = [];
  const loaded: Loaded[] = [];
  class Root extends HostRoot {
    override async text(path: string): Promise<string | undefined> {
      return path === '/proc/cmdline' ? running : await super.text(path);
    }
  }
  const host = { ...hastyHost(), root: new Root() };
  const run: typeof host.run = async (program, args, options) => {
    if (!['kexec', 'reboot', 'tee', 'sync'].includes(program)) {
      return await thisHost().run(program, args, options);
    }
    commands.push([program, args[0]].join(' ').trim());
    if (args[0] !== '--load') return '';
    if (fails !== undefined) throw fails;
    const value = (name: string): string | undefined =>
      args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
    const initrd = value('initrd');
    loaded.push({
      kernel: readFileSync(args[2] ?? '', 'utf8'),
      initrd: initrd === undefined ? undefined : readFileSync(initrd, 'utf8'),
      args: value('command-line'),
    });
    return '';
  };
  return { host: { ...host, run }, commands, loaded };
}

async function boot(
  disk: LoopDisk,
  more: Partial<Fields<'kexec'>> = {},
  { host, loaded, commands } = machine(),
) {
  const place = workplace(disk.path, { host });
  const report = await kexec.run({ action: 'kexec', ...more }, place);
  return { report, loaded: loaded[0], commands, notes: place.notes };
}

const uuidOf = (device: string, tag = 'UUID'): string =>
  execFileSync('/usr/sbin/blkid', ['-p', '-s', tag, '-o', 'value', device], {
    encoding: 'utf8',
  }).trim();

const kernels = `for v in 6.9.1 6.10.0; do echo kernel $v > boot/vmlinuz-$v; echo initrd $v > boot/initrd.img-$v; done`;
const grub = (args: string) => `mkdir -p boot/grub; cat > boot/grub/grub.cfg <<'END'
menuentry 'Debian' {
  linux /boot/vmlinuz-6.9.1 ${args}
  initrd /boot/initrd.img-6.9.1
}
END`;

describe.skipIf(!canInstall)(`kexec ${needs}`, () => {
  it('starts what the boot loader of the system would, with its arguments on this console', async () => {
    using disk = systemDisk({ script: `${kernels}\n${grub('root=UUID=1 ro quiet console=tty0')}` });
    const { loaded, report, commands } = await boot(disk);
    expect(loaded).toEqual({
      kernel: 'kernel 6.9.1\n',
      initrd: 'initrd 6.9.1\n',
      args: 'root=UUID=1 ro quiet console=ttyS1,115200',
    });
    expect(report.details).toMatchObject({ method: 'kexec', kernel: '/boot/vmlinuz-6.9.1' });
    expect(commands).toEqual(['kexec --load']);
    await report.leave?.();
    // This kernel takes over before the last two.
    expect(commands.slice(1)).toEqual([
      'sync',
      'kexec --exec',
      'sync',
      'reboot',
      'tee /proc/sysrq-trigger',
    ]);
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(disk.path);
  });

  it('starts the newest kernel where no boot loader says anything, with a root that is there', async () => {
    using disk = systemDisk({ script: kernels });
    const { loaded } = await boot(disk, {}, machine(''));
    expect(loaded).toEqual({
      kernel: 'kernel 6.10.0\n',
      initrd: 'initrd 6.10.0\n',
      args: `root=UUID=${uuidOf(`${disk.path}p2`)}`,
    });
  });

  it('finds the snippets on a /boot of its own, and joins ramdisks as a boot loader does', async () => {
    using disk = systemDisk({
      script: `echo "UUID=$(blkid -s UUID -o value "$DISK"p1) /boot ext4 defaults 0 2" > etc/fstab
        mount "$DISK"p1 boot
        mkdir -p boot/loader/entries; cd boot
        printf abc > ucode; printf rest > initramfs; echo kernel > vmlinuz-linux
        printf 'title x\\nlinux /vmlinuz-linux\\ninitrd /ucode\\ninitrd /initramfs\\noptions root=LABEL=x rw\\n' > loader/entries/x.conf
        cd ..; umount boot`,
    });
    const { loaded } = await boot(disk);
    expect(loaded).toEqual({
      kernel: 'kernel\n',
      initrd: 'abc\0rest',
      args: 'root=LABEL=x rw console=ttyS1,115200',
    });
  });

  it('takes what the template names: kernel, root and arguments', async () => {
    using disk = systemDisk({ script: `${kernels}\n${grub('root=UUID=1 ro quiet')}` });
    const root = `root=PARTUUID=${uuidOf(`${disk.path}p2`, 'PART_ENTRY_UUID')}`;
    const named = await boot(disk, { kernel: 'boot/vmlinuz-6.10.0', root_partition: '2' });
    expect(named.loaded).toEqual({
      kernel: 'kernel 6.10.0\n',
      initrd: 'initrd 6.10.0\n',
      args: `${root} ro quiet console=ttyS1,115200`,
    });
    const own = await boot(disk, { cmdline: 'single console=tty0', root_partition: 'LABEL=other' });
    expect(own.loaded?.args).toBe('root=LABEL=other single console=tty0');
    // Nobody but the kernel is told what the template says: it may have a token in it.
    expect(own.report.details).toMatchObject({ cmdline: null });
    // As Dragonfly's templates have it.
    const bare = await boot(disk, { cmdline: 'ro quiet' });
    expect(bare.loaded?.args).toBe(
      `root=UUID=${uuidOf(`${disk.path}p2`)} ro quiet console=ttyS1,115200`,
    );
  });

  it('fails where a kernel, a ramdisk or a partition that the template names is not there', async () => {
    using disk = systemDisk({ script: kernels });
    for (const more of [
      { kernel: '/boot/other' },
      { kernel: '/boot/vmlinuz-6.9.1', initrd: '/boot/other' },
      { root_partition: '7' },
      { partition: 7 },
    ]) {
      await expect(boot(disk, more)).rejects.toMatchObject({ code: 'disk.mismatch' });
    }
  });

  it.each<[string, string, string]>([
    ['there is none', ':', 'no kernel'],
    ['its arguments are too long', `${kernels}\n${grub('x'.repeat(2_100))}`, 'characters'],
  ])('reboots where %s, and says so', async (_, script, reason) => {
    using disk = systemDisk({ script });
    const { report, notes, commands } = await boot(disk);
    expect(report.details).toEqual({ method: 'reboot', reason: expect.stringContaining(reason) });
    expect(notes).toEqual([expect.stringContaining(reason)]);
    await report.leave?.();
    expect(commands).toEqual(['sync', 'reboot', 'tee /proc/sysrq-trigger']);
  });

  it('reboots where the kernel cannot be loaded', async () => {
    using disk = systemDisk({ script: kernels });
    const { report } = await boot(disk, {}, machine('', new AppError('exec.failed', 'not signed')));
    expect(report.details).toEqual({ method: 'reboot', reason: 'not signed' });
  });
});

it.each([
  [{ root_partition: 'sda2' }, 'root_partition is'],
  [{ root_partition: 'root=/dev/sda2 init=/bin/sh' }, 'root_partition is'],
  [{ initrd: '/boot/initrd' }, 'belongs to a kernel'],
])('kexec refuses %o before anything is done', (more, message) => {
  expect(() => kexec.check?.({ action: 'kexec', ...more })).toThrow(message);
});
