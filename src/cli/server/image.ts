// `dragonfly-server image`: the disk images that machines fetch from this server.
import { AppError } from '../../core/errors.ts';
import type { ImageFile, ImageFolder } from '../../store/images/folder.ts';
import { command, type Io } from '../command.ts';
import { asData, formatOf, formatOptions, type FormatArgs } from '../formats.ts';
import { serverConfiguration, settingsOf } from './settings/server-settings.ts';

export const image = command({
  name: 'image',
  describe: 'add, list or verify the disk images in the image directory',
  examples: ['image add debian-12.qcow2', 'image list', 'image verify'],
  positionals: {
    action: { describe: 'what to do', choices: ['add', 'list', 'verify'] },
    file: { value: 'FILE', describe: 'add: the file; verify: one image only', isOptional: true },
  },
  settings: settingsOf(['image_dir']),
  options: {
    name: { type: 'string', describe: 'add: its name (default: that of the file)' },
    sha256: {
      type: 'string',
      value: 'HEX',
      describe: 'add: refuse the file unless this is its SHA-256',
    },
    replace: { type: 'boolean', describe: 'add: replace an image of that name' },
    ...formatOptions,
  },
  async run(args, io) {
    const { values } = await serverConfiguration(args, io);
    if (values.image_dir === undefined) throw usage('name the directory: --image-dir DIR');
    const { ImageFolder } = await import('../../store/images/folder.ts');
    const folder = new ImageFolder(values.image_dir);
    switch (args.action) {
      case 'add':
        return add(folder, args, io);
      case 'list':
        await print(await folder.list(), args, io);
        return 0;
      case 'verify':
        return verify(folder, args.file, args, io);
    }
  },
});

interface Added extends FormatArgs {
  readonly file: string | undefined;
  readonly name: string | undefined;
  readonly sha256: string | undefined;
  readonly replace: boolean;
}

async function add(folder: ImageFolder, wanted: Added, io: Io): Promise<number> {
  const { file, name, sha256, replace: replaces } = wanted;
  if (file === undefined) throw usage('name the file to add');
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256)) {
    throw usage('--sha256 takes 64 hexadecimal digits');
  }
  await print([await folder.add(file, { name, sha256, replaces, signal: io.signal })], wanted, io);
  return 0;
}

/** Reads the images and compares them with the checksums that were noted. */
async function verify(
  folder: ImageFolder,
  name: string | undefined,
  args: FormatArgs,
  io: Io,
): Promise<number> {
  const all = await folder.list();
  const wanted = name === undefined ? all : all.filter((file) => file.name === name);
  if (name !== undefined && wanted.length === 0) {
    throw new AppError('image.unknown', `there is no image ${name} in ${folder.path}`);
  }
  const isForPeople = (formatOf(args) ?? 'table') === 'table';
  const results: { name: string; sha256: string; is: 'good' | 'noted' | 'damaged' }[] = [];
  for (const { name: file, sha256: noted } of wanted) {
    const sha256 = await folder.hash(file, io.signal);
    const is = noted === undefined ? 'noted' : noted === sha256 ? 'good' : 'damaged';
    results.push({ name: file, sha256, is });
    if (isForPeople) io.print(`${is.padEnd(7)}  ${sha256}  ${file}\n`);
  }
  io.print((await asData(args, results)) ?? '');
  return results.some(({ is }) => is === 'damaged') ? 1 : 0;
}

async function print(files: readonly ImageFile[], args: FormatArgs, io: Io): Promise<void> {
  const shown = files.map(({ name, sizeBytes, modifiedAt, sha256 }) => ({
    name,
    size_bytes: sizeBytes,
    modified_at: modifiedAt.toISOString(),
    sha256: sha256 ?? null,
  }));
  const lines = shown.map(
    ({ name, size_bytes: size, sha256 }) =>
      `${sha256 ?? 'not computed yet'.padEnd(64)}  ${String(size).padStart(14)}  ${name}\n`,
  );
  io.print((await asData(args, shown)) ?? lines.join(''));
}

function usage(message: string): AppError {
  return new AppError('usage.invalid', `${message} (see dragonfly-server image --help)`);
}
