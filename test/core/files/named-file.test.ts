import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makeDirectories, readNamedFile } from '../../../src/core/files/named-file.ts';

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'dragonfly-named-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

it('a FIFO that is named is refused at once, and so is one behind a link', () => {
  const at = directory();
  execFileSync('mkfifo', [join(at, 'fifo')]);
  symlinkSync('fifo', join(at, 'link'));
  for (const name of ['fifo', 'link'])
    expect(() => readNamedFile(join(at, name))).toThrow(`${join(at, name)} is a FIFO`);
});

it('a pipe that the shell opened is read, and a file behind a link', () => {
  const at = directory();
  writeFileSync(join(at, 'file'), 'text');
  symlinkSync('file', join(at, 'link'));
  expect(readNamedFile(join(at, 'link'))).toBe('text');
  const program = join(import.meta.dirname, '../../../src/core/files/named-file.ts');
  const read = `import(${JSON.stringify(program)}).then((m) => process.stdout.write(m.readNamedFile(process.argv[1])))`;
  const script = `'${process.execPath}' -e '${read}' <(echo text)`;
  expect(spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout).toBe('text\n');
});

it('a device without end is refused, and neither read for ever nor into all of the memory', () => {
  expect(() => readNamedFile('/dev/zero')).toThrow('/dev/zero has more than 16 MiB');
  expect(readNamedFile('/dev/null')).toBe('');
});

it('a file that is not there is an error of the system', () => {
  expect(() => readNamedFile(join(directory(), 'none'))).toThrow(
    expect.objectContaining({ code: 'ENOENT' }),
  );
});

it('directories are made where they are missing, with the mode that was asked for', () => {
  const at = directory();
  makeDirectories(join(at, 'a/b/c'), 0o700);
  makeDirectories(join(at, 'a/b/c'), 0o755);
  expect(statSync(join(at, 'a/b/c')).mode & 0o777).toBe(0o700);
  expect(readdirSync(at)).toEqual(['a']);
  mkdirSync(join(at, 'd'));
  symlinkSync('d', join(at, 'link'));
  makeDirectories(join(at, 'link/e'), 0o700);
  expect(readdirSync(join(at, 'd'))).toEqual(['e']);
});

it('a directory that cannot be made is an error at once', () => {
  const at = directory();
  writeFileSync(join(at, 'file'), '');
  symlinkSync('nowhere', join(at, 'dangling'));
  const paths = ['/proc/none', '/proc/none/below', '/dev/null/x'].concat(
    ['file', 'file/x', 'dangling', 'dangling/x'].map((name) => join(at, name)),
  );
  for (const path of paths)
    expect(() => makeDirectories(path, 0o700)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^E/) }),
    );
});
