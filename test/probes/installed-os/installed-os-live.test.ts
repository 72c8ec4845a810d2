// Real file systems on real devices, mounted by the kernel: what the other tests of this probe make up. Needs root,
// loop devices, mkfs.ext4 and LVM, and says so where one is missing.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { captureHost } from '../../../src/capture/capture.ts';
import { explainInventory } from '../../../src/inventory/inventory.ts';
import { collect } from '../../../src/probes/collect.ts';
import { installedOsProbe } from '../../../src/probes/installed-os/installed-os.ts';
import { fromFiles } from '../../../src/sources/captured/capture-file.ts';
import { ReplayRoot } from '../../../src/sources/captured/recording.ts';
import { openRoot } from '../../../src/sources/open.ts';
import type { Root } from '../../../src/sources/root.ts';
import { MemoryRoot } from '../memory-root.ts';
import { machineId, makeDisk, run, type DiskImage } from './disk-images.ts';

const folder = mkdtempSync(join(tmpdir(), 'dragonfly-os-'));
const devices: string[] = [];
afterAll(() => {
  for (const device of devices) run('losetup', '--detach', device);
  rmSync(folder, { recursive: true });
});

/** The host that runs the tests with one partition alone, under a name of its own: no disk of it is touched. */
async function hostWith(device: string): Promise<Root> {
  const host = await openRoot('/');
  const memory = MemoryRoot.of({
    '/etc/dragonfly-image': '{}',
    '/sys/class/block/testdisk/size': '131072\n',
    '/sys/class/block/testdisk1/size': '131072\n',
    '/dev/testdisk': new Uint8Array(70_000),
  });
  const isReal = (path: string): boolean => path.startsWith('/run/dragonfly/probe');
  const real = (text: string): string => text.replace(/^\/dev\/testdisk1$/, device);
  return {
    description: 'a host with one partition',
    text: (path) => (isReal(path) ? host : memory).text(path),
    bytes: (path, range) => (path === '/dev/testdisk1' ? host : memory).bytes(real(path), range),
    list: (path) => (isReal(path) ? host : memory).list(path),
    link: (path) => (isReal(path) ? host : memory).link(path),
    exec: (tool, args) =>
      ['mkdir', 'mount', 'umount', 'losetup'].includes(tool)
        ? host.exec(tool, args.map(real))
        : memory.exec(tool, args),
  };
}

async function replayed(root: Root, redact: boolean): Promise<Root> {
  const { files } = await captureHost(root, { agentVersion: '1.0.0', redact });
  const content = (name: string): string | undefined => files.get(name.slice(1));
  return new ReplayRoot('capture', await fromFiles(files.get('capture.json') ?? '', content, 'x'));
}

/** The loop devices over a device. */
function loopsOver(device: string): string[] {
  const told = run('losetup', '--list', '--noheadings', '--raw', '--output', 'NAME,BACK-FILE');
  return told.split('\n').filter((line) => line.endsWith(` ${device}`));
}

const missedVolume =
  /the volume group df-test\d+ has volumes that are not in one piece on one disk here \(data\)/;

describe.each([
  ['a partition', { isMirror: false, isLvm: false }, []],
  ['a logical volume', { isMirror: false, isLvm: true }, [expect.stringMatching(missedVolume)]],
  ['a mirror', { isMirror: true, isLvm: false }, []],
  [
    'a logical volume on a mirror',
    { isMirror: true, isLvm: true },
    [expect.stringMatching(missedVolume)],
  ],
] as const)('a system on %s', (what, layout, reported) => {
  const made = makeDisk(folder, what.replaceAll(' ', '-'), layout);
  if ('device' in made) devices.push(made.device);
  const why = 'missing' in made ? ` (skipped: ${made.missing})` : '';
  // Only asked where it was made.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const disk = made as DiskImage;

  it.skipIf('missing' in made)(
    `is found, and nothing is changed or left behind${why}`,
    async () => {
      const before = run('sha256sum', disk.file);
      const { facts, problems } = await collect(await hostWith(disk.device), {
        probes: [installedOsProbe],
      });
      expect(problems.map(({ message }) => message)).toEqual(reported);
      expect(facts.installedOs).toMatchObject([
        {
          name: 'Debian GNU/Linux 13 (trixie)',
          machine_id: machineId,
          kernel_path: '/boot/vmlinuz-6.12.0',
          device: '/dev/testdisk1',
          fs_uuid: disk.uuid,
        },
      ]);
      expect(run('sha256sum', disk.file)).toBe(before);
      expect(run('cat', '/proc/mounts')).not.toContain('/run/dragonfly/probe');
      // Kept by whoever looks at all block devices just then, as other tests do.
      await expect.poll(() => loopsOver(disk.device)).toEqual([]);
    },
  );

  it.skipIf('missing' in made)(`is found in a capture of it as well${why}`, async () => {
    const root = await hostWith(disk.device);
    for (const redact of [false, true]) {
      const { facts } = await explainInventory(await replayed(root, redact));
      expect(facts.installedOs).toMatchObject([
        {
          name: 'Debian GNU/Linux 13 (trixie)',
          device: '/dev/testdisk1',
          kernel_path: '/boot/vmlinuz-6.12.0',
        },
      ]);
      expect(facts.installedOs?.[0]?.fs_uuid === disk.uuid).toBe(!redact);
    }
  });
});

describe('the mirror of these tests', () => {
  it.skipIf(!existsSync('/usr/sbin/mdadm') && !existsSync('/sbin/mdadm'))(
    'is one that mdadm knows',
    () => {
      const file = join(folder, 'a-mirror');
      const told = execFileSync('mdadm', ['--examine', file], { encoding: 'utf8' });
      expect(told).toMatch(/Raid Level : raid1/);
      expect(told).toMatch(/Checksum : \w+ - correct/);
      expect(told).toMatch(/Device Role : Active device 0/);
    },
  );
});
