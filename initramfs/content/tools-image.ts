// Makes dist/boot/<arch>/tools: a squashfs of the programs that workflow actions run, which a machine
// fetches when it has a workflow. The netboot image holds its SHA-256 and takes no other.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { architectures, type Arch } from '../arch.ts';
import { packSquashfs } from './image-files.ts';
import type { Apt, DebianPackage } from './packages.ts';
import { libraries, programs } from './tools-programs.ts';
import { cacheDir, run } from '../tools.ts';

export interface ToolsImage {
  readonly sha256: string;
  readonly packages: readonly DebianPackage[];
}

/** The netboot image's files below usr/, which the tools image replaces. */
export interface BaseFiles {
  /** The mount point of the netboot image's squashfs. */
  readonly mountedAt: string;
  /** Paths in it. */
  readonly files: readonly string[];
}

/** Builds the image and writes it to `file`. */
export function buildToolsImage(arch: Arch, apt: Apt, base: BaseFiles, file: string): ToolsImage {
  const { triplet } = architectures[arch];
  const packages = apt.fetchAll([...Object.keys(programs), ...libraries]);
  const root = join(cacheDir, 'image', `${arch}-tools`);
  rmSync(root, { recursive: true, force: true });
  const tree = new Tree(root);
  for (const { name, root: from } of packages) {
    for (const pattern of programs[name] ?? []) {
      tree.copy(from, pattern.replace('TRIPLET', triplet));
    }
  }
  const own = new Set(base.files.map((path) => basename(path)));
  addLibraries(tree, packages, triplet, own);
  for (const path of base.files.filter((name) => name.startsWith('usr/'))) {
    tree.link(`${base.mountedAt}/${path}`, path);
  }
  packSquashfs(root, file, squashfsOptions);
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  return { sha256, packages };
}

/** Read once, from memory: the smallest form. */
const squashfsOptions = ['-comp', 'zstd', '-Xcompression-level', '22', '-b', '1M'];

/** Adds what the programs link to and `own` does not have, and what that links to. */
function addLibraries(
  tree: Tree,
  packages: readonly DebianPackage[],
  triplet: string,
  own: ReadonlySet<string>,
): void {
  const places = ['lib', 'usr/lib'].map((folder) => `${folder}/${triplet}`);
  const found = new Map<string, { readonly root: string; readonly path: string }>();
  for (const { name, root } of packages.filter((p) => libraries.includes(p.name))) {
    const files = places.flatMap((place) => listOf(join(root, place)).map((f) => `${place}/${f}`));
    if (files.length === 0) throw new Error(`${name} has no libraries`);
    for (const path of files) found.set(basename(path), { root, path });
  }
  const queue = tree.files();
  const seen = new Set<string>();
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    for (const needed of neededBy(file)) {
      if (seen.has(needed) || own.has(needed) || needed.startsWith('ld-linux')) continue;
      seen.add(needed);
      const library = found.get(needed);
      if (library === undefined) {
        throw new Error(
          `${file} needs ${needed}: add its package to initramfs/content/tools-programs.ts`,
        );
      }
      queue.push(tree.copyLibrary(library.root, library.path, triplet));
    }
  }
}

/** The names of the libraries that a program or library links to; none for any other file. */
function neededBy(file: string): string[] {
  if (!readFileSync(file).subarray(0, 4).equals(Buffer.from('\x7fELF'))) return [];
  const text = run('readelf', ['--dynamic', '--wide', file]);
  return [...text.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name = '']) => name);
}

/** The files of the image, all of them below usr/ and etc/. */
class Tree {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    mkdirSync(root, { recursive: true });
  }

  /** Copies a file, a link, or (with a "/" at its end) a folder with all below it. */
  copy(from: string, path: string): void {
    const source = join(from, path);
    if (path.endsWith('/')) {
      for (const name of listOf(source)) {
        const isFolder = lstatSync(join(source, name)).isDirectory();
        this.copy(from, `${path}${name}${isFolder ? '/' : ''}`);
      }
      return;
    }
    const stat = lstatSync(source);
    if (stat.isSymbolicLink()) this.link(readlinkSync(source), merged(path));
    else copyFileSync(source, this.#place(merged(path)));
  }

  link(target: string, path: string): void {
    symlinkSync(target, this.#place(path));
  }

  /** Copies a library under the name that programs know it by, and gives where it is. */
  copyLibrary(from: string, path: string, triplet: string): string {
    const place = this.#place(`usr/lib/${triplet}/${basename(path)}`);
    copyFileSync(join(from, path), place);
    return place;
  }

  /** All regular files. */
  files(folder = this.#root): string[] {
    return listOf(folder).flatMap((name) => {
      const path = join(folder, name);
      const stat = lstatSync(path);
      return stat.isDirectory() ? this.files(path) : stat.isFile() ? [path] : [];
    });
  }

  #place(path: string): string {
    const place = join(this.#root, path);
    mkdirSync(dirname(place), { recursive: true });
    return place;
  }
}

/** Debian's / and /usr are one. */
function merged(path: string): string {
  return /^(?:s?bin|lib)\//.test(path) ? `usr/${path}` : path;
}

function listOf(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}
