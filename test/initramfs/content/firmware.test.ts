// Firmware from a user's folder: what is taken, and which folders and files are refused.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { copyFirmware, openFirmware } from '../../../initramfs/content/firmware.ts';
import { isMissing } from '../../../initramfs/tools.ts';

let top: string;
let extra: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'dragonfly-firmware-'));
  extra = join(top, 'extra');
  mkdirSync(extra);
});
afterEach(() => {
  rmSync(top, { recursive: true });
});

function put(name: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(extra, name)), { recursive: true });
  writeFileSync(join(extra, name), content);
}

const target = (name: string): string =>
  readFileSync(join(top, 'image', 'lib', 'firmware', name), 'utf8');

function copy(...names: string[]) {
  return copyFirmware(names, [extra], join(top, 'image'));
}

it('takes what drivers ask for, follows links inside, and names what is missing', () => {
  put('bnx2/fw.bin', 'one');
  put('not-asked-for', 'x');
  symlinkSync('bnx2/fw.bin', join(extra, 'alias.bin'));
  expect(copy('alias.bin', 'bnx2/fw.bin', 'gone.bin')).toEqual({
    copied: [
      { folder: extra, file: 'alias.bin' },
      { folder: extra, file: 'bnx2/fw.bin' },
    ],
    missing: ['gone.bin'],
  });
  expect(target('alias.bin')).toBe('one');
  expect(() => target('not-asked-for')).toThrow('ENOENT');
});

it('unpacks compressed files, which the kernel may not read', () => {
  put('a.bin.zst', zstdCompressSync(Buffer.from('zstd')));
  expect(copy('a.bin').missing).toEqual([]);
  expect(target('a.bin')).toBe('zstd');
});

it.skipIf(isMissing('xz'))('unpacks xz', () => {
  put('b.bin.xz', execFileSync('xz', ['--stdout'], { input: 'xz' }));
  copy('b.bin');
  expect(target('b.bin')).toBe('xz');
});

it.each([
  [
    'a link out of the folder',
    () => {
      symlinkSync('/etc/passwd', join(extra, 'a.bin'));
    },
  ],
  [
    'a directory',
    () => {
      mkdirSync(join(extra, 'a.bin'));
    },
  ],
  [
    'a broken archive',
    () => {
      put('a.bin.zst', 'no zstd');
    },
  ],
])('refuses %s by its path', (_, prepare) => {
  prepare();
  expect(() => copy('a.bin')).toThrow(`the firmware ${extra}/a.bin`);
});

it.skipIf(process.getuid?.() === 0)('refuses a file that this user may not read', () => {
  put('a.bin', 'secret');
  chmodSync(join(extra, 'a.bin'), 0o000);
  expect(() => copy('a.bin')).toThrow('cannot be taken');
});

it('refuses a folder that is not there, and a file for a folder', () => {
  put('file', '');
  for (const folder of [join(top, 'nowhere'), join(extra, 'file')]) {
    expect(() => openFirmware(folder)).toThrow(`--extra-firmware ${folder}: give a folder`);
  }
});
