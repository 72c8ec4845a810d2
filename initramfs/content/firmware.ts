// The firmware files of an image: those that its drivers may ask for, from Debian and from a folder
// of the user's.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { AppError } from '../../src/core/errors.ts';
import { requireTools, run } from '../tools.ts';

/** Puts into lib/firmware of `target` what `modules` may ask for: from the folder `free`, and from
 *  `extra`, of which it says what it had. Errors: AppError `config.invalid`. */
export function addFirmware(
  modules: readonly string[],
  free: string,
  extra: string | undefined,
  target: string,
): { extra: string[]; missing: string[] } {
  const names = firmwareNames(modules);
  const folders = extra === undefined ? [free] : [free, extra];
  const { copied, missing } = copyFirmware(names, folders, target);
  const fromExtra = copied.filter(({ folder }) => folder === extra).map(({ file }) => file);
  if (extra !== undefined) {
    if (fromExtra.length === 0) {
      const example = missing[0] === undefined ? '' : `, as ${missing[0]}`;
      const lacks = `it holds none of the ${missing.length} files that drivers of this image ask for${example}`;
      throw new AppError('config.invalid', `--extra-firmware ${extra}: ${lacks}`);
    }
    console.log(`firmware from ${extra}: ${fromExtra.join(', ')}`);
  }
  return { extra: fromExtra, missing };
}

/** The firmware files that modules say they may ask for. */
function firmwareNames(modules: readonly string[]): string[] {
  if (modules.length === 0) return [];
  return [...new Set(run('modinfo', ['-F', 'firmware', ...modules]).split('\n'))]
    .filter((name) => name !== '' && !name.startsWith('/') && !name.split('/').includes('..'))
    .toSorted();
}

/** A folder given with --extra-firmware. Errors: AppError `config.invalid` where it is none. */
export function openFirmware(folder: string): string {
  try {
    readdirSync(folder);
    return realpathSync(folder);
  } catch (cause) {
    throw new AppError(
      'config.invalid',
      `--extra-firmware ${folder}: give a folder laid out as /lib/firmware`,
      { cause },
    );
  }
}

/** Where a firmware file comes from. */
interface Source {
  readonly folder: string;
  /** Its path there, with the suffix of a compressed file. */
  readonly file: string;
}

/** Copies the firmware files that are in one of `folders` (each laid out as /lib/firmware is) into
 *  lib/firmware of `target`, and gives the names of those that are nowhere. Compressed files are
 *  unpacked: the kernel reads only some of them, and the image is compressed as a whole.
 *  Errors: AppError `config.invalid` for a file that cannot be read, or that a link takes from
 *  outside its folder. */
export function copyFirmware(
  names: readonly string[],
  folders: readonly string[],
  target: string,
): { copied: Source[]; missing: string[] } {
  const copied: Source[] = [];
  const missing: string[] = [];
  for (const name of names) {
    const source = find(name, folders);
    if (source === undefined) {
      missing.push(name);
      continue;
    }
    const to = join(target, 'lib', 'firmware', name);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, read(source));
    copied.push(source);
  }
  return { copied, missing };
}

function find(name: string, folders: readonly string[]): Source | undefined {
  return folders
    .flatMap((folder) => ['', '.xz', '.zst'].map((suffix) => ({ folder, file: name + suffix })))
    .find(({ folder, file }) => existsSync(join(folder, file)));
}

function read({ folder, file }: Source): Buffer {
  const path = join(folder, file);
  try {
    const real = realpathSync(path);
    if (!real.startsWith(realpathSync(folder) + sep)) throw new Error(`it links to ${real}`);
    if (!statSync(real).isFile()) throw new Error('it is no file');
    if (file.endsWith('.zst')) return zstdDecompressSync(readFileSync(real));
    if (!file.endsWith('.xz')) return readFileSync(real);
    requireTools({ xz: 'xz-utils' });
    return execFileSync('xz', ['--decompress', '--stdout', real], { maxBuffer: 1 << 28 });
  } catch (cause) {
    const message = `the firmware ${path} cannot be taken; put the file itself there, or remove it`;
    throw new AppError('config.invalid', message, { cause });
  }
}
