// Selects the kernel modules that go into an image.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Arch } from '../arch.ts';
import { unknownNames, wants, type Profile } from './profiles.ts';
import { run } from '../tools.ts';

export interface ModuleTree {
  /** The kernel's version, as uname prints it. */
  readonly version: string;
  /** Module files below lib/modules/<version>, in the order of their names. */
  readonly files: readonly string[];
}

/** Copies the modules of a profile, and those that they depend on, from an unpacked kernel package
 *  into `target`, and indexes them there. */
export function copyModules(
  arch: Arch,
  kernelRoot: string,
  profile: Profile,
  target: string,
): ModuleTree {
  const [version] = readdirSync(join(kernelRoot, 'lib', 'modules'));
  if (version === undefined) throw new Error(`${kernelRoot} holds no kernel modules`);
  const from = join(kernelRoot, 'lib', 'modules', version);
  const dependencies = moduleDependencies(kernelRoot, version);
  const files = selectModules(arch, from, dependencies, profile);
  const to = join(target, 'lib', 'modules', version);
  for (const file of [...files, 'modules.builtin', 'modules.builtin.modinfo', 'modules.order']) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(from, file), join(to, file));
  }
  run('depmod', ['-b', target, version]);
  for (const name of readdirSync(to)) {
    if (name.startsWith('modules.') && !indexes.has(name)) rmSync(join(to, name));
  }
  return { version, files };
}

/** Those that busybox's modprobe reads. The others are for kmod, which is not in the image, or what depmod makes them of. */
const indexes = new Set(['dep', 'alias', 'symbols', 'builtin'].map((name) => `modules.${name}`));

/** The modules that a profile names, and all that they depend on. */
function selectModules(
  arch: Arch,
  folder: string,
  dependencies: ReadonlyMap<string, readonly string[]>,
  profile: Profile,
): string[] {
  const modules = [...dependencies.keys()].map(moduleName);
  const builtin = readFileSync(join(folder, 'modules.builtin'), 'utf8').split('\n').map(moduleName);
  const unknown = unknownNames(arch, modules, builtin);
  if (unknown.length > 0) console.error(`this kernel has no ${unknown.join(', ')}`);
  const chosen = new Set<string>();
  for (const [file, needs] of dependencies) {
    if (wants(profile, moduleName(file))) for (const f of [file, ...needs]) chosen.add(f);
  }
  return [...chosen].toSorted();
}

/** The modules that each module of an unpacked kernel package needs, indexed if need be. */
export function moduleDependencies(
  kernelRoot: string,
  version: string,
): ReadonlyMap<string, readonly string[]> {
  const index = join(kernelRoot, 'lib', 'modules', version, 'modules.dep');
  if (!existsSync(index)) run('depmod', ['-b', kernelRoot, version]);
  return parseModulesDep(readFileSync(index, 'utf8'));
}

/** modules.dep: "file: dependency dependency …", the dependencies being complete. */
export function parseModulesDep(text: string): Map<string, readonly string[]> {
  const dependencies = new Map<string, readonly string[]>();
  for (const line of text.split('\n')) {
    const [file, needs] = line.split(':');
    if (file === undefined || needs === undefined) continue;
    dependencies.set(file, needs.split(' ').filter(Boolean));
  }
  return dependencies;
}

/** "kernel/drivers/net/veth.ko.xz" → "drivers/net/veth". */
function moduleName(file: string): string {
  return file.replace(/^kernel\//, '').replace(/\.ko(?:\.[a-z0-9]+)?$/, '');
}
