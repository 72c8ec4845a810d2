// Debian from packages. The whole of it takes minutes and a mirror: it runs where DRAGONFLY_TEST_MIRROR names one,
// and then the disk is booted.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../../src/actions/action.ts';
import { debootstrap } from '../../src/actions/debootstrap.ts';
import { parsePackages } from '../../src/model/actions/packages.ts';
import { HostRoot } from '../../src/sources/host.ts';
import { has, loopDisk } from '../sources/writing/loop.ts';
import { canInstall, expectUnbootable, needs, untouched, usedDisk } from './installing.ts';
import { onPartition } from './systems.ts';
import { fileServer, MiB, thisHost, workplace } from './workplace.ts';

const mirror = env['DRAGONFLY_TEST_MIRROR'];
const canBoot = has('qemu-system-x86_64') && process.arch === 'x64';
const fields = (more: Partial<Fields<'debootstrap'>> = {}) => ({
  action: 'debootstrap' as const,
  suite: 'bookworm',
  ...more,
});

/** This host, started with a serial console, without UEFI unless it is said. */
class Machine extends HostRoot {
  override async text(path: string): Promise<string | undefined> {
    if (path === '/proc/cmdline') return 'quiet console=ttyS0,115200\n';
    return path === '/proc/sys/kernel/hostname' ? 'web1\n' : await super.text(path);
  }
  override async list(path: string): Promise<readonly string[] | undefined> {
    return path === '/sys/firmware/efi' ? undefined : await super.list(path);
  }
}

/** A mirror with one suite, which has nothing in it. */
const mirrorOf = (suite: string) =>
  fileServer({ [`dists/${suite}/InRelease`]: { body: Buffer.from('signed') } });

describe.skipIf(!canInstall)(`debootstrap ${needs}`, () => {
  const failing = (program: string) => {
    const host = { ...thisHost(), root: new Machine() };
    const openMounts: typeof host.openMounts = async () => {
      const space = await host.openMounts();
      const run = space.run.bind(space);
      const replaced: typeof run = (name, args, options) =>
        run(
          name,
          args.map((arg) => (arg === 'debootstrap' ? program : arg)),
          options,
        );
      return Object.assign(space, { run: replaced });
    };
    return { ...host, openMounts };
  };

  it.skipIf(!has('debootstrap')).each<[string, string, object, string]>([
    ['has no such suite', 'no suite bookworm', {}, 'image.unreachable'],
    [
      'cannot be reached',
      'cannot be reached',
      { mirror: 'http://127.0.0.1:1/' },
      'image.unreachable',
    ],
    ['is not what is wrong', 'no suite "bokworm"', { suite: 'bokworm' }, 'action.invalid'],
  ])('writes nothing where the mirror %s', async (_, message, more, code) => {
    using disk = loopDisk(512 * MiB);
    writeFileSync(disk.path, Buffer.alloc(MiB, 'x'));
    execFileSync('blockdev', ['--flushbufs', disk.path]);
    const expectUntouched = untouched(disk);
    await using packages = await mirrorOf('trixie');
    const given = fields({ mirror: packages.url, ...more });
    await expect(debootstrap.run(given, workplace(disk.path))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    expectUntouched();
  });

  it('leaves a disk that does not boot when the packages cannot be installed', async () => {
    using disk = loopDisk(512 * MiB);
    const place = workplace(disk.path, { host: failing('false') });
    await using packages = await mirrorOf('bookworm');
    await expect(debootstrap.run(fields({ mirror: packages.url }), place)).rejects.toMatchObject({
      code: 'exec.failed',
    });
    execFileSync('blockdev', ['--flushbufs', disk.path]);
    expectUnbootable(disk);
  });

  it('leaves a disk that does not boot when it is aborted, and nothing running', async () => {
    using disk = loopDisk(512 * MiB);
    const abort = new AbortController();
    const place = workplace(disk.path, {
      host: failing('yes'),
      signal: abort.signal,
      note: (line) => {
        if (line.includes('--variant')) abort.abort(new Error('cancelled'));
      },
    });
    await using packages = await mirrorOf('bookworm');
    const given = fields({ mirror: packages.url });
    await expect(debootstrap.run(given, place)).rejects.toThrow('cancelled');
    execFileSync('blockdev', ['--flushbufs', disk.path]);
    expectUnbootable(disk);
  });

  it('writes nothing to a disk that is too small', async () => {
    using disk = usedDisk();
    const expectUntouched = untouched(disk);
    await expect(debootstrap.run(fields(), workplace(disk.path))).rejects.toMatchObject({
      code: 'disk.mismatch',
    });
    expectUntouched();
  });
});

describe.skipIf(!canInstall || !has('debootstrap') || mirror === undefined || !canBoot)(
  `debootstrap from a mirror ${needs.replace(')', ', DRAGONFLY_TEST_MIRROR)')}`,
  () => {
    it('installs a system that boots', { timeout: 1_800_000 }, async () => {
      using disk = loopDisk(4_096 * MiB);
      const host = { ...thisHost(), root: new Machine() };
      const place = workplace(disk.path, { host });
      const given = fields({ mirror: mirror ?? '', extra_packages: 'less, nano' });
      const report = await debootstrap.run(given, place);
      expect(report.details).toMatchObject({
        layout: 'gpt-bios',
        system: expect.stringContaining('Debian GNU/Linux 12'),
        kernel: expect.stringMatching(/^vmlinuz-6\.1/),
      });
      const uuid = String(report.details?.['root_uuid']);
      onPartition(disk.path, 2, (top) => {
        const read = (path: string): string => readFileSync(join(top, path), 'utf8');
        expect(read('etc/hostname')).toBe('web1\n');
        expect(read('etc/fstab')).toBe(`UUID=${uuid} / ext4 defaults,errors=remount-ro 0 1\n`);
        expect(read('boot/grub/grub.cfg')).toContain(`root=UUID=${uuid} ro console=ttyS0,115200`);
      });
      expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(disk.path);
      execFileSync('blockdev', ['--flushbufs', disk.path]);
      expect(await bootUntil(disk.image, 'web1 login:')).toContain('web1 login:');
    });
  },
);

/** The serial console of a machine with this disk alone, up to `text`. */
async function bootUntil(image: string, text: string): Promise<string> {
  const drive = `file=${image},format=raw,if=virtio,snapshot=on`;
  const args = ['-m', '512', '-nographic', '-no-reboot', '-nic', 'none', '-drive', drive];
  const machine = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    return await new Promise<string>((resolve) => {
      let said = '';
      machine.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString('utf8');
        if (said.includes(text)) resolve(said);
      });
      machine.once('close', () => resolve(said));
      setTimeout(() => resolve(said), 300_000).unref();
    });
  } finally {
    machine.kill('SIGKILL');
  }
}

it.each([
  [{ suite: '--help' }, 'no suite'],
  [{ suite: '../x' }, 'no suite'],
  [{ mirror: 'ftp://x' }, 'mirror must begin'],
  [{ layout: 'single' as const }, 'no place for a boot loader'],
  [{ extra_packages: 'vim;reboot' }, 'not a package name'],
  [{ extra_packages: 'vim --reinstall' }, 'not a package name'],
])('debootstrap refuses %o before anything is done', (more, message) => {
  expect(() => debootstrap.check?.(fields(more))).toThrow(message);
});

it('takes packages separated by commas, as Dragonfly stores them, or blanks', () => {
  expect(parsePackages('vim, openssh-server,g++ ')).toEqual(['vim', 'openssh-server', 'g++']);
  expect(parsePackages(undefined)).toEqual([]);
});
