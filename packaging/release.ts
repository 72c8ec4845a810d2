// Builds a release into dist/release (`npm run release`): packages, executables, netboot images, the list of their
// parts, and the sums of all.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { buildDate } from '../build-date.ts';
import manifest from '../package.json' with { type: 'json' };
import { command } from '../src/cli/command.ts';
import { AppError } from '../src/core/errors.ts';
import { architectures, thisArch } from '../initramfs/arch.ts';
import { buildExecutable } from '../initramfs/build-exe.ts';
import { buildImage } from '../initramfs/build-image.ts';
import { runProgram } from '../initramfs/command-line.ts';
import { cacheDir, isMissing, projectDir, run } from '../initramfs/tools.ts';
import { buildDebs } from './build-deb.ts';
import { sbom } from './sbom.ts';

interface Part {
  /** True for what is made of dist/, which is then built first. */
  readonly isOfDist?: true;
  /** Tools that it takes, with the Debian packages that bring them. */
  readonly needs: Readonly<Record<string, string>>;
  /** Makes the part's files in `folder`. */
  make(folder: string): unknown;
}

const imageTools = {
  'apt-get': 'apt',
  mksquashfs: 'squashfs-tools',
  cpio: 'cpio',
  depmod: 'kmod',
  readelf: 'binutils',
};

/** In the order in which they are made: what takes longest comes last. */
const parts: Readonly<Record<string, Part>> = {
  sbom: {
    needs: {},
    make: (folder) =>
      writeFileSync(join(folder, `${manifest.name}-${manifest.version}.cdx.json`), sbom()),
  },
  npm: {
    isOfDist: true,
    needs: {},
    make: (folder) =>
      run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], {
        cwd: projectDir,
      }),
  },
  executable: {
    needs: { [architectures[thisArch()].strip]: architectures[thisArch()].stripPackage },
    async make(folder) {
      const { path } = await buildExecutable(thisArch());
      copyFileSync(path, join(folder, basename(path)));
    },
  },
  debs: {
    isOfDist: true,
    needs: { 'dpkg-buildpackage': 'dpkg-dev', dh: 'debhelper' },
    make(folder) {
      for (const path of buildDebs()) copyFileSync(path, join(folder, basename(path)));
      copyFileSync(join(projectDir, 'packaging/Containerfile'), join(folder, 'Containerfile'));
    },
  },
  image: {
    needs: imageTools,
    async make(folder) {
      const output = join(cacheDir, 'release');
      rmSync(output, { recursive: true, force: true });
      const built = await buildImage({ arch: thisArch(), profile: 'server', output });
      const arch = basename(built);
      packFolder(
        dirname(built),
        arch,
        join(folder, `dragonfly-boot-${arch}-${manifest.version}.tar`),
      );
    },
  },
};

/** An archive of a folder that is the same for the same files, whoever made them and when. */
function packFolder(within: string, name: string, archive: string): void {
  const seconds = Math.floor(buildDate().getTime() / 1000);
  const same = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX'];
  run('tar', ['-cf', archive, ...same, `--mtime=@${seconds}`, '-C', within, name]);
}

/** As `sha256sum --check` reads it. */
function writeSums(folder: string): void {
  const names = readdirSync(folder).toSorted();
  const lines = names.map((name) => {
    const hash = createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
    return `${hash}  ${name}\n`;
  });
  writeFileSync(join(folder, 'SHA256SUMS'), lines.join(''));
}

/** The parts of these names. Errors: AppError `usage.invalid`. */
function chosenParts(names: readonly string[]): [name: string, part: Part][] {
  return names.map((name) => {
    const part = parts[name];
    if (part !== undefined) return [name, part];
    throw new AppError('usage.invalid', `no part "${name}": use ${Object.keys(parts).join(', ')}`);
  });
}

/** The Debian packages that a part misses. */
function missingFor({ needs }: Part): string[] {
  const missing = Object.entries(needs).filter(([tool]) => isMissing(tool));
  return [...new Set(missing.map(([, debian]) => debian))];
}

/** An empty folder. Errors: AppError `usage.invalid` for another one that holds something. */
function emptied(output: string | undefined): string {
  const folder = resolve(projectDir, output ?? 'dist/release');
  if (output === undefined) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length === 0) return folder;
  throw new AppError('usage.invalid', `${folder} is not empty: choose another --output`);
}

const release = command({
  name: 'release',
  describe:
    'build a release: the same bytes from the same commit; 1 where tools for a part are missing',
  examples: ['--only sbom,npm'],
  options: {
    only: {
      type: 'string',
      value: 'LIST',
      default: Object.keys(parts).join(','),
      describe: 'the parts to make, with commas',
    },
    output: { type: 'string', value: 'DIR', describe: 'an empty folder (default: dist/release)' },
  },
  async run({ only, output }, io) {
    const chosen = chosenParts(only.split(','));
    const folder = emptied(output);
    const able = chosen.filter(([, part]) => missingFor(part).length === 0);
    if (able.some(([, part]) => part.isOfDist)) run('npm', ['run', 'build'], { cwd: projectDir });
    for (const [name, part] of able) {
      io.stderr.write(`making ${name}\n`);
      await part.make(folder);
    }
    writeSums(folder);
    io.print(readFileSync(join(folder, 'SHA256SUMS'), 'utf8'));
    for (const [name, part] of chosen.filter((one) => !able.includes(one))) {
      io.stderr.write(`${name} is left out: apt-get install ${missingFor(part).join(' ')}\n`);
    }
    return able.length < chosen.length ? 1 : 0;
  },
});

await runProgram(release);
