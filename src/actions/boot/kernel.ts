// Finds the kernel that a system on a disk would boot, with its initial ramdisks and arguments: as the
// system's own boot loader has them, else the newest by its version.
import type { Tree } from '../../sources/writing/tree.ts';
import { grubDefault, parseGrubEnv, snippetDefault, type MenuEntry, type Snippet } from './menu.ts';
import { compareVersions } from './version.ts';

/** Where the file system is that a boot loader reads, within a system: a /boot of its own or not, the ESP,
 *  or the mounted one itself. */
const places = ['/boot', '', '/boot/efi', '/efi'];
const grubDirectories = ['grub', 'grub2'];

/** Paths within the tree. Undefined where no kernel is found. Errors: AppError `tree.failed`. */
export async function findKernel(tree: Tree): Promise<MenuEntry | undefined> {
  for (const read of [readGrub, readSnippets, readNewest]) {
    for (const place of places) {
      const entry = await read(tree, place);
      const found = entry && (await locate(tree, place, entry));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The initial ramdisks that belong to a kernel that was named: of its entry, else by its version. */
export async function initrdsOf(tree: Tree, kernel: string): Promise<readonly string[]> {
  const entry = await findKernel(tree);
  if (entry?.kernel === kernel) return entry.initrds;
  const at = kernel.lastIndexOf('/');
  const initrd = await initrdBeside(tree, kernel.slice(0, at), kernel.slice(at + 1));
  return initrd === undefined ? [] : [initrd];
}

async function readGrub(tree: Tree, place: string): Promise<MenuEntry | undefined> {
  for (const directory of grubDirectories) {
    const text = await tree.text(`${place}/${directory}/grub.cfg`);
    if (text === undefined) continue;
    const entry = grubDefault(text, await grubVariables(tree, place));
    if (entry !== undefined) return entry;
  }
  return undefined;
}

async function readSnippets(tree: Tree, place: string): Promise<MenuEntry | undefined> {
  const directory = `${place}/loader/entries`;
  const snippets: Snippet[] = [];
  for (const file of (await tree.list(directory)) ?? []) {
    if (!file.endsWith('.conf')) continue;
    const text = await tree.text(`${directory}/${file}`);
    if (text !== undefined) snippets.push({ name: file.slice(0, -'.conf'.length), text });
  }
  const settings = await tree.text(`${place}/loader/loader.conf`);
  const [, wanted] = /^\s*default\s+(\S+)/m.exec(settings ?? '') ?? [];
  return snippetDefault(snippets, await grubVariables(tree, place), wanted);
}

async function grubVariables(tree: Tree, place: string) {
  for (const directory of grubDirectories) {
    const text = await tree.text(`${place}/${directory}/grubenv`);
    if (text !== undefined) return parseGrubEnv(text);
  }
  return new Map<string, string>();
}

/** The newest of "vmlinuz-6.10.3". */
async function readNewest(tree: Tree, place: string): Promise<MenuEntry | undefined> {
  const names = (await tree.list(place === '' ? '/' : place)) ?? [];
  const kernels = names
    .filter((name) => /^(vmlinuz|vmlinux|Image|kernel)(-|$)/.test(name))
    .filter((name) => !/rescue|\.(old|bak|hmac)$/.test(name))
    .toSorted((a, b) => compareVersions(versionOf(b), versionOf(a)));
  const [kernel] = kernels;
  if (kernel === undefined) return undefined;
  const initrd = await initrdBeside(tree, place, kernel);
  return {
    title: kernel,
    kernel: `/${kernel}`,
    initrds: initrd === undefined ? [] : [initrd.slice(place.length)],
    args: '',
  };
}

async function initrdBeside(tree: Tree, place: string, kernel: string) {
  const version = versionOf(kernel);
  const names =
    version === ''
      ? ['initrd.img', 'initrd', 'initramfs.img']
      : [
          `initrd.img-${version}`,
          `initramfs-${version}.img`,
          `initrd-${version}`,
          `initramfs-${version}`,
        ];
  for (const name of names) {
    if ((await tree.kind(`${place}/${name}`)) === 'file') return `${place}/${name}`;
  }
  return undefined;
}

function versionOf(kernel: string): string {
  return /^[^-]*-(.*)$/.exec(kernel)?.[1] ?? '';
}

/** A boot loader's paths begin at its file system: that of the place, or the root. */
async function locate(tree: Tree, place: string, entry: MenuEntry): Promise<MenuEntry | undefined> {
  for (const top of new Set([place, ''])) {
    if ((await tree.kind(top + entry.kernel)) !== 'file') continue;
    const initrds = entry.initrds.map((path) => top + path);
    const kinds = await Promise.all(initrds.map((path) => tree.kind(path)));
    if (kinds.every((kind) => kind === 'file')) {
      return { ...entry, kernel: top + entry.kernel, initrds };
    }
  }
  return undefined;
}
