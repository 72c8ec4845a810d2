import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Tree } from '../../../src/sources/writing/tree.ts';

let directory: string;
let top: string;
let tree: Tree;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dragonfly-tree-'));
  top = join(directory, 'top');
  mkdirSync(join(top, 'etc'), { recursive: true });
  tree = new Tree(top);
});
afterEach(() => rmSync(directory, { recursive: true }));

const inside = (path: string): string => readFileSync(join(top, path), 'utf8');
const write = (path: string, text: string) => tree.write(path, Buffer.from(text));

describe('the links of a system on a disk', () => {
  it.each([
    ['an absolute one', '/outside/file'],
    ['one that climbs', '../../../../../../outside/file'],
    ['one that climbs from the top', '/../../outside/file'],
  ])('lead nowhere else: %s', async (_, target) => {
    mkdirSync(join(directory, 'outside'));
    writeFileSync(join(directory, 'outside/file'), 'untouched');
    symlinkSync(target, join(top, 'etc/link'));
    expect(await tree.read('/etc/link')).toBeUndefined();
    await write('/etc/link', 'new');
    expect(inside('outside/file')).toBe('new');
    expect(readFileSync(join(directory, 'outside/file'), 'utf8')).toBe('untouched');
  });

  it('are followed in the middle of a path, from the system’s own root', async () => {
    mkdirSync(join(top, 'usr/lib'), { recursive: true });
    symlinkSync('/usr/lib', join(top, 'lib'));
    symlinkSync('../lib/./os-release', join(top, 'etc/os-release'));
    await write('/lib/os-release', 'ID=debian');
    expect(await tree.text('/etc/os-release')).toBe('ID=debian');
    expect(inside('usr/lib/os-release')).toBe('ID=debian');
  });

  it('that go in circles are given up', async () => {
    symlinkSync('b', join(top, 'a'));
    symlinkSync('a', join(top, 'b'));
    await expect(tree.read('/a')).rejects.toMatchObject({
      code: 'tree.failed',
      cause: { message: 'too many symbolic links' },
    });
  });

  it('of a hostile path are those of the tree too', async () => {
    await write('../../../etc/../../x', 'here');
    expect(inside('x')).toBe('here');
  });
});

describe('writing a file', () => {
  it('makes the directories on its way', async () => {
    await write('/var/lib/cloud/seed/nocloud/meta-data', 'x');
    expect(inside('var/lib/cloud/seed/nocloud/meta-data')).toBe('x');
    expect(statSync(join(top, 'var/lib')).mode & 0o777).toBe(0o755);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'gives it the owner and mode that are asked for',
    async () => {
      for (const mode of [0o4755, 0o0000, 0o640]) {
        await tree.write('/file', Buffer.from('x'), { mode, uid: 1234, gid: 4321 });
        const stat = statSync(join(top, 'file'));
        expect([stat.mode & 0o7777, stat.uid, stat.gid]).toEqual([mode, 1234, 4321]);
      }
    },
  );

  it.skipIf(process.getuid?.() !== 0)('keeps those of the file that it replaces', async () => {
    writeFileSync(join(top, 'etc/shadow'), 'old');
    chownSync(join(top, 'etc/shadow'), 0, 42);
    chmodSync(join(top, 'etc/shadow'), 0o640);
    await write('/etc/shadow', 'new');
    const stat = statSync(join(top, 'etc/shadow'));
    expect([stat.mode & 0o7777, stat.uid, stat.gid]).toEqual([0o640, 0, 42]);
  });

  it('leaves nothing else behind, and takes away what a power cut left', async () => {
    writeFileSync(join(top, 'etc/.dragonfly-new'), 'half of');
    await write('/etc/hosts', 'x');
    expect(readdirSync(join(top, 'etc'))).toEqual(['hosts']);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'leaves nothing behind where the old file is kept',
    async () => {
      // A mount point cannot be replaced, and neither can a file that chattr made immutable.
      const path = join(top, 'etc/kept');
      writeFileSync(path, 'old');
      execFileSync('mount', ['--bind', path, path]);
      try {
        await expect(tree.write('/etc/kept', Buffer.from('new'))).rejects.toThrow('etc/kept');
        expect(readdirSync(join(top, 'etc'))).toEqual(['kept']);
      } finally {
        execFileSync('umount', [path]);
      }
    },
  );

  it('replaces the file, so that a second name keeps the old content', async () => {
    writeFileSync(join(top, 'a'), 'old');
    execFileSync('ln', [join(top, 'a'), join(top, 'b')]);
    await write('/a', 'new');
    expect([inside('a'), inside('b')]).toEqual(['new', 'old']);
  });

  it.each(['/etc', '/', '/etc/'])('refuses the directory %s', async (path) => {
    await expect(write(path, 'x')).rejects.toMatchObject({ code: 'tree.failed' });
    expect(existsSync(join(top, 'etc'))).toBe(true);
  });

  it('refuses a path through a file', async () => {
    await write('/file', 'x');
    await expect(write('/file/below', 'x')).rejects.toMatchObject({ code: 'tree.failed' });
  });
});

describe('reading', () => {
  it('tells what is there', async () => {
    execFileSync('mkfifo', [join(top, 'pipe')]);
    await write('/etc/hosts', 'x');
    expect(await tree.kind('/etc')).toBe('directory');
    expect(await tree.kind('/etc/hosts')).toBe('file');
    expect(await tree.kind('/pipe')).toBe('other');
    expect(await tree.kind('/')).toBe('directory');
    expect(await tree.kind('/no/such')).toBeUndefined();
    expect(await tree.kind('/etc/hosts/x')).toBeUndefined();
    expect(await tree.list('/')).toEqual(['etc', 'pipe']);
    expect(await tree.list('/no')).toBeUndefined();
  });

  it('takes no content from a FIFO, where it would wait', async () => {
    execFileSync('mkfifo', [join(top, 'pipe')]);
    await expect(tree.read('/pipe')).rejects.toMatchObject({ code: 'tree.failed' });
  });

  it('lends a path to programs', async () => {
    await write('/boot/vmlinuz', 'kernel');
    symlinkSync('/boot/vmlinuz', join(top, 'vmlinuz'));
    await tree.whileOpen('/vmlinuz', async (path) => {
      expect(readFileSync(path ?? '', 'utf8')).toBe('kernel');
    });
    expect(await tree.whileOpen('/no', async (path) => path)).toBeUndefined();
  });
});
