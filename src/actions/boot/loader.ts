// The boot loader that a system has put on its EFI system partition.
import type { Tree } from '../../sources/writing/tree.ts';

export interface Loader {
  /** As firmware has it: "\EFI\debian\shimx64.efi". */
  readonly path: string;
  readonly label: string;
}

/** The ends of loaders' names by the machine that `uname -m` names. Source: UEFI specification 2.10, 3.5.1. */
const suffixes: Readonly<Record<string, string>> = {
  x86_64: 'x64',
  aarch64: 'aa64',
  i686: 'ia32',
  riscv64: 'riscv64',
  loongarch64: 'loongarch64',
};

/** The loaders in a vendor's directory, the best first: with Secure Boot, shim starts the others. */
const vendorLoaders = ['shim', 'grub', 'systemd-boot'];
/** The firmware's own fallback directory, which belongs to no system. */
const fallback = 'BOOT';

/** Undefined where there is none for this machine. `isFirmware32` is for a firmware of 32 bits.
 *  Errors: AppError `tree.failed`. */
export async function findLoader(
  tree: Tree,
  machine: string,
  isFirmware32: boolean,
): Promise<Loader | undefined> {
  const suffix = isFirmware32 && machine === 'x86_64' ? 'ia32' : (suffixes[machine] ?? machine);
  const top = (await named(tree, '/', 'EFI')) ?? 'EFI';
  const directories = (await tree.list(`/${top}`)) ?? [];
  const vendors = directories.filter((name) => name.toUpperCase() !== fallback);
  for (const vendor of vendors) {
    const found = await fromList(tree, `/${top}/${vendor}`, suffix);
    if (found !== undefined) return found;
  }
  for (const kind of vendorLoaders) {
    for (const vendor of vendors) {
      const file = await named(tree, `/${top}/${vendor}`, `${kind}${suffix}.efi`);
      if (file !== undefined) return loader(`/${top}/${vendor}/${file}`, vendor);
    }
  }
  for (const directory of directories) {
    const file = await named(tree, `/${top}/${directory}`, `boot${suffix}.efi`);
    if (file !== undefined) return loader(`/${top}/${directory}/${file}`, 'installed system');
  }
  return undefined;
}

/** BOOTX64.CSV, in UTF-16: "shimx64.efi,debian,,This is the boot entry for debian".
 *  Source: README.fallback of shim. */
async function fromList(
  tree: Tree,
  directory: string,
  suffix: string,
): Promise<Loader | undefined> {
  const file = await named(tree, directory, `boot${suffix}.csv`);
  const bytes = file === undefined ? undefined : await tree.read(`${directory}/${file}`);
  const text = bytes?.toString('utf16le').replace(/^\uFEFF/, '') ?? '';
  for (const line of text.split(/\r?\n/)) {
    const [name = '', label = ''] = line.split(',').map((part) => part.trim());
    const found = name === '' ? undefined : await named(tree, directory, name);
    if (found !== undefined) return loader(`${directory}/${found}`, label);
  }
  return undefined;
}

/** The name as it stands there: FAT does not mind upper and lower case, other file systems do. */
async function named(tree: Tree, directory: string, name: string): Promise<string | undefined> {
  const names = (await tree.list(directory)) ?? [];
  return names.find((one) => one.toLowerCase() === name.toLowerCase());
}

function loader(path: string, label: string): Loader {
  return { path: path.replaceAll('/', '\\'), label: label === '' ? 'installed system' : label };
}
