// `dragonfly-server image` over real files.
import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { image } from '../../../src/cli/server/image.ts';
import { temporaryDirectory } from '../../server/harness.ts';
import { runCommand } from '../run-command.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function places() {
  const [source, folder] = [temporaryDirectory(), temporaryDirectory()];
  const file = join(source, 'debian.raw');
  writeFileSync(file, 'an image');
  const run = (...args: string[]) => runCommand(image, [...args, '--image-dir', folder]);
  return { file, folder, run };
}

describe('image add', () => {
  it('copies a file and prints its SHA-256', async () => {
    const { file, folder, run } = places();
    const { code, stdout } = await run('add', file);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${sha256('an image')} +8  debian.raw\n$`));
    expect(readFileSync(join(folder, 'debian.raw'), 'utf8')).toBe('an image');
    expect(readdirSync(folder).toSorted()).toEqual(['.sums.json', 'debian.raw']);
  });

  it('takes another name, and replaces an image only when told to', async () => {
    const { file, folder, run } = places();
    await run('add', file, '--name', 'a.raw');
    await expect(run('add', file, '--name', 'a.raw')).rejects.toThrow('an image a.raw already');
    writeFileSync(file, 'a newer image');
    await run('add', file, '--name', 'a.raw', '--replace');
    expect(readFileSync(join(folder, 'a.raw'), 'utf8')).toBe('a newer image');
  });

  it('adds nothing that has not the SHA-256 that was expected', async () => {
    const { file, folder, run } = places();
    await expect(run('add', file, '--sha256', '0'.repeat(64))).rejects.toThrow('has the SHA-256');
    expect(readdirSync(folder)).toEqual([]);
    await run('add', file, '--sha256', sha256('an image').toUpperCase());
    expect(readdirSync(folder)).toContain('debian.raw');
  });

  it.each(['../up', '.hidden', 'a b', 'SHA256SUMS', 'a/b', '-x'])(
    'refuses the name "%s"',
    async (name) => {
      const { file, folder, run } = places();
      await expect(run('add', file, `--name=${name}`)).rejects.toThrow('name of an image');
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it('says what cannot be read or written', async () => {
    const { file, folder, run } = places();
    await expect(run('add', join(folder, 'none'))).rejects.toThrow('cannot read');
    await expect(
      runCommand(image, ['add', file, '--image-dir', join(folder, 'none')]),
    ).rejects.toThrow('make it first');
    await expect(runCommand(image, ['list'])).rejects.toThrow('--image-dir');
  });
});

it('image list shows each image, with its SHA-256 where it is known', async () => {
  const { file, folder, run } = places();
  await run('add', file);
  writeFileSync(join(folder, 'by-hand.raw'), '12345');
  const { stdout } = await run('list', '--json');
  expect(JSON.parse(stdout)).toMatchObject([
    { name: 'by-hand.raw', size_bytes: 5, sha256: null },
    { name: 'debian.raw', size_bytes: 8, sha256: sha256('an image') },
  ]);
});

describe('image verify', () => {
  it('notes what was added by hand, and is content with what it noted', async () => {
    const { folder, run } = places();
    writeFileSync(join(folder, 'by-hand.raw'), '12345');
    expect(await run('verify')).toMatchObject({
      code: 0,
      stdout: `noted    ${sha256('12345')}  by-hand.raw\n`,
    });
    expect(await run('verify', 'by-hand.raw')).toMatchObject({
      code: 0,
      stdout: `good     ${sha256('12345')}  by-hand.raw\n`,
    });
  });

  it('finds a file that has rotted, and does not note its new SHA-256', async () => {
    const { file, folder, run } = places();
    await run('add', file);
    const path = join(folder, 'debian.raw');
    utimesSync(path, 1, 1);
    expect((await run('verify')).stdout).toMatch(/^noted/);
    writeFileSync(path, 'an imagE', { flag: 'r+' });
    utimesSync(path, 1, 1);
    for (let i = 0; i < 2; i += 1) {
      expect(await run('verify')).toMatchObject({
        code: 1,
        stdout: `damaged  ${sha256('an imagE')}  debian.raw\n`,
      });
    }
  });

  it('works where only others may write', async () => {
    const { folder, run } = places();
    writeFileSync(join(folder, 'by-hand.raw'), '12345');
    chmodSync(folder, 0o555);
    expect((await run('verify')).code).toBe(0);
  });
});
