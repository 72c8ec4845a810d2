// The formats that real tools write: each on an image of its own, recognised as blkid recognises it, captured and
// replayed. A format whose tool is not installed is skipped.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { captureHost } from '../../../src/capture/capture.ts';
import { explainInventory } from '../../../src/inventory/inventory.ts';
import type { Facts } from '../../../src/model/inventory.ts';
import { fromFiles } from '../../../src/sources/captured/capture-file.ts';
import { ReplayRoot } from '../../../src/sources/captured/recording.ts';
import { hostFiles } from '../../../src/sources/files.ts';
import type { Root } from '../../../src/sources/root.ts';
import { MemoryRoot } from '../memory-root.ts';
import { diskFiles } from './device.ts';

const dir = mkdtempSync(join(tmpdir(), 'dragonfly-contents-'));
afterAll(() => rmSync(dir, { recursive: true }));

const mib = 2 ** 20;

function run(tool: string, args: readonly string[], input = ''): string {
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  return execFileSync(tool, args, {
    encoding: 'utf8',
    input,
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

function makeImage(
  name: string,
  size: number,
  tool: string,
  args: readonly string[],
  input: string,
) {
  const image = join(dir, `${name.replaceAll(' ', '-')}.img`);
  writeFileSync(image, '');
  truncateSync(image, size);
  try {
    run(
      tool,
      args.map((arg) => (arg === 'IMAGE' ? image : arg)),
      input,
    );
    return { image };
  } catch (err) {
    return { missing: err instanceof Error ? (err.message.split('\n')[0] ?? '') : 'unknown' };
  }
}

/** A host whose one disk is an image. */
function hostWith(image: string): Root {
  const memory = MemoryRoot.of({
    '/etc/dragonfly-image': '{}',
    ...diskFiles('sda', statSync(image).size),
  });
  return {
    description: 'a host with one disk',
    text: (path) => memory.text(path),
    bytes: (path, range) =>
      path === '/dev/sda'
        ? Promise.resolve(hostFiles.bytes(image, range))
        : memory.bytes(path, range),
    list: (path) => memory.list(path),
    link: (path) => memory.link(path),
    exec: (tool, args) => memory.exec(tool, args),
  };
}

async function contentsOf(root: Root): Promise<Facts['contents'][number]['contents'] | undefined> {
  const { facts } = await explainInventory(root);
  return facts.contents?.[0]?.contents;
}

async function replayed(root: Root, redact: boolean) {
  const { files } = await captureHost(root, { agentVersion: '1.0.0', redact });
  const reads = await fromFiles(
    files.get('capture.json') ?? '',
    (name) => files.get(name.slice(1)),
    'x',
  );
  return {
    contents: await contentsOf(new ReplayRoot('capture', reads)),
    text: [...files.values()].join(''),
  };
}

const luks = ['-q', 'luksFormat', '--pbkdf-force-iterations', '1000', '--key-file', '-'];
const formats: readonly [string, number, string, readonly string[], string?][] = [
  ['ext2', 64, 'mkfs.ext2', ['-q', '-L', 'two', 'IMAGE']],
  ['ext3', 64, 'mkfs.ext3', ['-q', 'IMAGE']],
  ['ext4', 64, 'mkfs.ext4', ['-q', '-L', 'root', 'IMAGE']],
  ['xfs', 320, 'mkfs.xfs', ['-q', '-L', 'xdata', 'IMAGE']],
  ['btrfs', 200, 'mkfs.btrfs', ['-q', '-L', 'bdata', 'IMAGE']],
  ['vfat 16', 64, 'mkfs.vfat', ['-n', 'BOOT', 'IMAGE']],
  ['vfat 32', 300, 'mkfs.vfat', ['-F', '32', '-n', 'EFI', 'IMAGE']],
  ['ntfs', 64, 'mkntfs', ['-F', '-f', '-q', 'IMAGE']],
  ['exfat', 64, 'mkfs.exfat', ['IMAGE']],
  ['swap', 64, 'mkswap', ['-L', 'swap7', 'IMAGE']],
  ['LUKS 1', 64, 'cryptsetup', [...luks, '--type', 'luks1', 'IMAGE'], 'secret'],
  [
    'LUKS 2',
    64,
    'cryptsetup',
    [...luks, '--type', 'luks2', '--pbkdf', 'pbkdf2', '--label', 'vault', 'IMAGE'],
    'secret',
  ],
  ['f2fs', 128, 'mkfs.f2fs', ['-q', 'IMAGE']],
  ['gfs2', 256, 'mkfs.gfs2', ['-O', '-q', '-p', 'lock_dlm', '-t', 'web:data', '-j', '1', 'IMAGE']],
  ['jfs', 64, 'mkfs.jfs', ['-q', 'IMAGE']],
  ['bcache', 64, 'make-bcache', ['-B', 'IMAGE']],
  ['gpt', 64, 'sfdisk', ['-q', 'IMAGE'], 'label: gpt\n,10M\n'],
  ['dos', 64, 'sfdisk', ['-q', 'IMAGE'], 'label: dos\n,10M\n'],
];

for (const [name, size, tool, args, input] of formats) {
  const made = makeImage(name, size * mib, tool, args, input ?? '');
  const why = 'missing' in made ? ` (skipped: ${made.missing})` : '';
  describe.skipIf('missing' in made)(`${name} as ${tool} writes it${why}`, () => {
    const image = 'image' in made ? (made.image ?? '') : '';

    it('is recognised as blkid does it', async () => {
      const told = new Map(
        run('blkid', ['-p', '-o', 'export', image])
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      );
      const [found, ...more] = (await contentsOf(hostWith(image))) ?? [];
      expect(more).toEqual([]);
      expect(found?.type).toBe(told.get('TYPE') ?? told.get('PTTYPE'));
      expect(found?.label ?? told.get('LABEL')).toBe(told.get('LABEL'));
      expect(found?.uuid ?? told.get('UUID')?.toLowerCase()).toBe(told.get('UUID')?.toLowerCase());
    });

    it('is the same in a replay, and keeps neither id nor name in a redacted one', async () => {
      const contents = await contentsOf(hostWith(image));
      const whole = await replayed(hostWith(image), false);
      expect(whole.contents).toEqual(contents);
      const redacted = await replayed(hostWith(image), true);
      expect(redacted.contents?.map(({ type }) => type)).toEqual(contents?.map(({ type }) => type));
      const { uuid, label } = contents?.[0] ?? {};
      const [shown] = redacted.contents ?? [];
      const hidden = label?.replaceAll(/./g, 'x') ?? '';
      expect(shown?.label ?? '').toMatch(new RegExp(`^${hidden}x*$`));
      expect(uuid !== undefined && shown?.uuid === uuid).toBe(false);
    });
  });
}

describe('a new partition table', () => {
  it.each(['gpt', 'dos'])('of type %s holds nothing', async (label) => {
    const made = makeImage(
      `new ${label}`,
      64 * mib,
      'sfdisk',
      ['-q', 'IMAGE'],
      `label: ${label}\n`,
    );
    expect(made).toHaveProperty('image');
    expect(await contentsOf(hostWith(made.image ?? ''))).toEqual([]);
  });
});

/** Two physical volumes on loop devices, of which one is looked at as a file. */
function makeGroup(): { image: string; done: () => void } | { missing: string } {
  const devices: string[] = [];
  const done = (): void => devices.forEach((device) => run('losetup', ['--detach', device]));
  try {
    const images = [1, 2].map((i) => join(dir, `pv${i}.img`));
    for (const image of images) {
      writeFileSync(image, '');
      truncateSync(image, 64 * mib);
      devices.push(run('losetup', ['--find', '--show', image]).trim());
    }
    mkdirSync(join(dir, 'lvm'), { recursive: true });
    const only = ['--devices', devices.join(',')];
    run('pvcreate', ['-q', ...only, ...devices]);
    run('vgcreate', ['-q', ...only, `dftest${process.pid}`, ...devices]);
    return { image: images[0] ?? '', done };
  } catch (err) {
    done();
    return { missing: err instanceof Error ? (err.message.split('\n')[0] ?? '') : 'unknown' };
  }
}
const group = makeGroup();
const whyNot = 'missing' in group ? ` (skipped: ${group.missing})` : '';

describe.skipIf('missing' in group)(`LVM as vgcreate writes it${whyNot}`, () => {
  const image = 'image' in group ? group.image : '';
  afterAll(() => 'done' in group && group.done());

  it('names its group and says how many disks it reaches', async () => {
    const contents = await contentsOf(hostWith(image));
    expect(contents).toMatchObject([
      { type: 'LVM2_member', label: `dftest${process.pid}`, members: 2 },
    ]);
    expect(contents?.[0]?.uuid).toBe(
      run('blkid', ['-p', '-o', 'value', '-s', 'UUID', image]).trim(),
    );
    const { contents: whole, text } = await replayed(hostWith(image), false);
    expect(whole).toEqual(contents);
    expect(Buffer.from(text).toString('latin1')).not.toContain('creation_host');
    const redacted = await replayed(hostWith(image), true);
    expect(redacted.contents).toMatchObject([{ type: 'LVM2_member', members: 2 }]);
    expect(redacted.contents?.[0]?.group).not.toBe(contents?.[0]?.group);
    expect(redacted.contents?.[0]?.uuid).not.toBe(contents?.[0]?.uuid);
    expect(redacted.contents?.[0]?.label).toMatch(/^x+$/);
  });
});
