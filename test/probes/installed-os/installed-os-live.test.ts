// A real file system on a real device, mounted by the kernel: what the other tests of this probe make
// up. Needs root, a loop device and mkfs.ext4, and says so where one is missing.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installedOsProbe } from '../../../src/probes/installed-os/installed-os.ts';
import { openRoot } from '../../../src/sources/open.ts';
import type { Root } from '../../../src/sources/root.ts';

const id = '0123456789abcdef0123456789abcdef';

function run(tool: string, ...args: string[]): string {
  return execFileSync(tool, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** A loop device over a new ext4 file system that holds a system, or why there is none. */
function makeDisk(dir: string): { device: string } | { missing: string } {
  try {
    const image = join(dir, 'image');
    const mount = join(dir, 'mount');
    writeFileSync(image, '');
    truncateSync(image, 64 * 2 ** 20);
    run('mkfs.ext4', '-q', image);
    const device = run('losetup', '--find', '--show', image);
    mkdirSync(mount);
    try {
      run('mount', device, mount);
      mkdirSync(join(mount, 'etc'));
      mkdirSync(join(mount, 'boot'));
      writeFileSync(join(mount, 'etc/os-release'), 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n');
      writeFileSync(join(mount, 'etc/machine-id'), `${id}\n`);
      writeFileSync(join(mount, 'boot/vmlinuz-6.12.0'), '');
      run('umount', mount);
      return { device };
    } catch (err) {
      run('losetup', '--detach', device);
      throw err;
    }
  } catch (err) {
    return { missing: err instanceof Error ? (err.message.split('\n')[0] ?? '') : 'unknown' };
  }
}

const dir = mkdtempSync(join(tmpdir(), 'dragonfly-os-'));
const disk = makeDisk(dir);
const device = 'device' in disk ? disk.device : undefined;
const why = 'missing' in disk ? ` (skipped: ${disk.missing})` : '';

afterAll(() => {
  if (device !== undefined) run('losetup', '--detach', device);
  rmSync(dir, { recursive: true });
});

describe.skipIf(device === undefined)(`the installedOs probe on a real device${why}`, () => {
  let root: Root;

  beforeAll(async () => {
    const host = await openRoot('/');
    // This host with one disk alone, under a name that is not a loop device's: no disk of the machine
    // that runs the tests is touched.
    const real = (text: string): string => text.replace('/dev/testdisk', device ?? '');
    root = {
      description: 'this host with one disk',
      text: (path) => host.text(path),
      bytes: (path, range) => host.bytes(real(path), range),
      list: (path) =>
        path === '/sys/class/block' ? Promise.resolve(['testdisk']) : host.list(path),
      link: (path) => host.link(path),
      exec: (tool, args) => host.exec(tool, args.map(real)),
    };
  });

  it('finds the system, leaves the file system as it was, and unmounts it', async () => {
    const before = run('sha256sum', join(dir, 'image'));
    const problems: unknown[] = [];
    const found = await installedOsProbe.read(
      root,
      (problem) => problems.push(problem),
      new AbortController().signal,
    );
    expect(problems).toEqual([]);
    expect(found).toMatchObject([
      {
        name: 'Debian GNU/Linux 13 (trixie)',
        machine_id: id,
        kernel_path: '/boot/vmlinuz-6.12.0',
        fs_uuid: run('blkid', '--match-tag', 'UUID', '--output', 'value', join(dir, 'image')),
      },
    ]);
    expect(run('sha256sum', join(dir, 'image'))).toBe(before);
    expect(run('cat', '/proc/mounts')).not.toContain('/run/dragonfly/probe');
  });
});
