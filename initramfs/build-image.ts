// Makes dist/boot/<arch>/{kernel,initramfs,tools} and loaders (`npm run build:initramfs`): see docs/netboot.md.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import lock from '../package-lock.json' with { type: 'json' };
import manifest from '../package.json' with { type: 'json' };
import { command } from '../src/cli/command.ts';
import { architectures, archs, thisArch, type Arch } from './arch.ts';
import { buildExecutable } from './build-exe.ts';
import { runProgram } from './command-line.ts';
import { packCpio, packSquashfs } from './content/image-files.ts';
import { debianLicence, spdxDocument, type Part } from './content/licences.ts';
import { addFirmware, openFirmware } from './content/firmware.ts';
import { copyLoaders } from './content/loaders.ts';
import { buildLocalLoaders } from './content/local-loaders.ts';
import { copyModules, parseModulesDep, type ModuleTree } from './content/modules.ts';
import { Apt, type DebianPackage } from './content/packages.ts';
import { profiles, type Profile } from './content/profiles.ts';
import {
  copyIpmitool,
  copyPrograms,
  fetchIpmitool,
  fetchPackages,
  type Packages,
} from './content/programs.ts';
import { buildToolsImage } from './content/tools-image.ts';
import { cacheDir, projectDir, requireTools } from './tools.ts';

export interface ImageOptions {
  readonly arch: Arch;
  readonly profile: Profile;
  /** A folder laid out as /lib/firmware is, from which files that drivers ask for are taken. */
  readonly extraFirmware?: string;
  /** Where <arch>/kernel and <arch>/initramfs go; dist/boot unless it says otherwise. */
  readonly output?: string;
}

/** Programs of this host, and Debian's packages of them. */
const hostTools = {
  mksquashfs: 'squashfs-tools',
  cpio: 'cpio',
  depmod: 'kmod',
  modinfo: 'kmod',
  readelf: 'binutils',
  'grub-mkimage': 'grub-common',
  tar: 'tar',
};

/** Builds kernel, initramfs, the tools image and lists of their parts, and gives the folder that holds them. */
export async function buildImage(options: ImageOptions): Promise<string> {
  const { arch, profile } = options;
  const extra =
    options.extraFirmware === undefined ? undefined : openFirmware(options.extraFirmware);
  requireTools(hostTools);
  const apt = new Apt(arch);
  apt.update();
  const packages = fetchPackages(arch, apt);
  const ipmi = profile === 'server' ? fetchIpmitool(apt) : [];
  const executable = await buildExecutable(arch);
  const work = join(cacheDir, 'image', `${arch}-${profile}`);
  rmSync(work, { recursive: true, force: true });
  const heavy = join(work, 'image');
  const light = join(work, 'root');
  mkdirSync(heavy, { recursive: true });

  const drivers = modulesFolder[profile];
  const modules = copyModules(arch, packages.kernel.root, profile, join(work, drivers));
  const moduleDir = join(work, drivers, 'lib', 'modules', modules.version);
  const free = join(packages.firmware.root, 'lib', 'firmware');
  const paths = modules.files.map((file) => join(moduleDir, file));
  const firmware = addFirmware(paths, free, extra, heavy);
  const programs = [
    ...copyPrograms(arch, packages, executable.path, heavy),
    ...copyIpmitool(arch, ipmi, heavy),
  ];
  const kernel = join(packages.kernel.root, 'boot', `vmlinuz-${modules.version}`);
  const madeAt = Math.floor(statSync(kernel).mtimeMs / 1000);
  const output = join(options.output ?? join(projectDir, 'dist', 'boot'), architectures[arch].boot);
  mkdirSync(output, { recursive: true });
  const base = { mountedAt: '/image', files: programs };
  const tools = buildToolsImage(arch, apt, base, join(output, 'tools'));
  copyRoot(arch, packages, modules, moduleDir, light);
  symlinkSync(`/${drivers}/lib/modules`, join(light, 'lib', 'modules'));
  const mark = { version: manifest.version, profile, arch: architectures[arch].boot };
  markImage(light, { ...mark, tools_sha256: tools.sha256 }, madeAt);

  cpSync(kernel, join(output, 'kernel'));
  chmodSync(join(output, 'kernel'), 0o644);
  writeFileSync(join(output, 'initramfs'), packInitramfs(arch, work, light));
  const list = (name: string, kind: string, parts: readonly Part[]): void => {
    const title = `dragonfly-${kind}-${architectures[arch].boot}-${profile}-${manifest.version}`;
    const created = new Date(madeAt * 1000).toISOString().replace('.000', '');
    const text = JSON.stringify(spdxDocument(title, created, parts), null, 2);
    writeFileSync(join(output, `${name}.spdx.json`), `${text}\n`);
  };
  const debian = [...Object.values(packages), ...ipmi];
  list('initramfs', 'netboot', listParts(debian, executable.packages, arch, firmware.extra));
  list('tools', 'tools', debianParts(tools.packages));
  const loaders = [
    ...copyLoaders(arch, apt, output),
    ...buildLocalLoaders(arch, apt, work, output),
  ];
  list('loaders', 'loaders', debianParts(loaders));
  writeFileSync(join(output, 'firmware-not-included.txt'), firmware.missing.join('\n') + '\n');
  return output;
}

/** Fills the tree that the kernel unpacks: busybox, the scripts, the modules needed to mount the rest. */
function copyRoot(
  arch: Arch,
  packages: Packages,
  modules: ModuleTree,
  moduleDir: string,
  light: string,
): void {
  cpSync(join(projectDir, 'initramfs', 'root'), light, { recursive: true });
  for (const dir of ['bin', 'dev', 'proc', 'sys', 'image', 'drivers', 'tools', 'lib/early']) {
    mkdirSync(join(light, dir), { recursive: true });
  }
  cpSync(join(packages.busybox.root, 'bin', 'busybox'), join(light, 'bin', 'busybox'));
  symlinkSync('bin', join(light, 'sbin'));
  // For what is there once the tools image is mounted.
  symlinkSync('/tools/etc/mke2fs.conf', join(light, 'etc', 'mke2fs.conf'));
  const { triplet, loader } = architectures[arch];
  for (const link of ['usr', 'lib/firmware', `lib/${triplet}`, loader]) {
    mkdirSync(dirname(join(light, link)), { recursive: true });
    symlinkSync(`/image/${link}`, join(light, link));
  }
  const dependencies = parseModulesDep(readFileSync(join(moduleDir, 'modules.dep'), 'utf8'));
  const early: string[] = [];
  for (const wanted of ['loop', 'squashfs']) {
    const file = modules.files.find((path) => basename(path).startsWith(`${wanted}.ko`));
    if (file === undefined) continue; // built into the kernel
    for (const needed of [...(dependencies.get(file) ?? []).toReversed(), file]) {
      cpSync(join(moduleDir, needed), join(light, 'lib', 'early', basename(needed)));
      early.push(basename(needed));
    }
  }
  writeFileSync(join(light, 'lib', 'early', 'order'), [...new Set(early)].join('\n') + '\n');
}

/** Notes what the image is, when it was made, and the digest of the only tools image that it takes. */
function markImage(light: string, mark: Readonly<Record<string, string>>, madeAt: number): void {
  writeFileSync(join(light, 'etc', 'dragonfly-image'), `${JSON.stringify(mark)}\n`);
  writeFileSync(join(light, 'etc', 'dragonfly-image-time'), `${madeAt}\n`);
}

/** The folder that modules go to, and are mounted at. A server reads few of the many that its image has: there they have a
 *  squashfs of their own, small and slow to unpack. */
const modulesFolder = { virt: 'image', server: 'drivers' } as const satisfies Record<
  Profile,
  string
>;

/** First each squashfs as it is, in an archive that is not compressed again, then the compressed
 *  archive of the small files. The kernel unpacks one after the other. */
function packInitramfs(arch: Arch, work: string, light: string): Buffer {
  const carrier = join(work, 'carrier');
  mkdirSync(carrier);
  for (const [name, options] of Object.entries(squashfsOptions(arch))) {
    const folder = join(work, name);
    if (existsSync(folder)) packSquashfs(folder, join(carrier, `${name}.squashfs`), options);
  }
  const small = zstdCompressSync(packCpio(light), {
    params: { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_checksumFlag]: 0 },
  });
  return Buffer.concat([packCpio(carrier), small]);
}

/** zstd is unpacked several times faster than xz. The smaller a block, the less is unpacked for a page that is wanted,
 *  and the worse it packs; the agent's pages lie in the order of their use: docs/developers/performance.md has both. Files
 *  smaller than a block are not put together in one: whoever reads one of them would have to unpack all. */
const squashfsOptions = (arch: Arch) => ({
  image: [...['-comp', 'zstd', '-Xcompression-level', '22'], ...['-b', '512K', '-no-fragments']],
  // Debian's arm64 kernel unpacks no filter of xz's (CONFIG_XZ_DEC_X86).
  drivers: ['-comp', 'xz', ...(arch === 'x64' ? ['-Xbcj', 'x86'] : []), '-b', '512K'],
});

function listParts(
  packages: readonly DebianPackage[],
  bundled: readonly string[],
  arch: Arch,
  extraFirmware: readonly string[],
): Part[] {
  const extra = extraFirmware.map((file) => ({
    name: `extra-firmware/${file}`,
    version: 'NONE',
    licence: 'NOASSERTION',
    supplier: 'NOASSERTION',
    comment: 'Given with --extra-firmware; its licence is that of its origin.',
  }));
  const npm = [`node-linux-${arch}`, ...bundled].map(npmPart);
  const agent: Part = {
    name: manifest.name,
    version: manifest.version,
    licence: manifest.license,
    supplier: 'NOASSERTION',
  };
  return [agent, ...debianParts(packages), ...npm, ...extra];
}

function debianParts(packages: readonly DebianPackage[]): Part[] {
  return packages.map(({ name, version, root }) => ({
    name,
    version,
    licence: debianLicence(root, name),
    supplier: 'Organization: Debian',
  }));
}

/** A package of the lock file. */
function npmPart(name: string): Part {
  const locked: Record<string, { version?: string; license?: string; link?: boolean }> =
    lock.packages;
  const { version = 'NONE', license = 'NOASSERTION' } = locked[`node_modules/${name}`] ?? {};
  return { name, version, licence: license, supplier: 'NOASSERTION' };
}

const buildInitramfs = command({
  name: 'build:initramfs',
  describe: "make dist/boot/ARCH/{kernel,initramfs,tools} from Debian's packages",
  options: {
    arch: { type: 'string', choices: archs, describe: 'the machines to boot (default: this one)' },
    profile: {
      type: 'string',
      default: 'virt',
      choices: profiles,
      describe: 'what these machines are made of',
    },
    'extra-firmware': {
      type: 'string',
      value: 'DIR',
      describe: 'a folder laid out as /lib/firmware: adds the files of it that drivers ask for',
    },
    output: { type: 'string', value: 'DIR', describe: 'where ARCH/ goes (default: dist/boot)' },
  },
  async run({ arch = thisArch(), profile, output, 'extra-firmware': extraFirmware }, io) {
    const folder = await buildImage({
      arch,
      profile,
      ...(extraFirmware === undefined ? {} : { extraFirmware }),
      ...(output === undefined ? {} : { output }),
    });
    for (const file of ['kernel', 'initramfs', 'tools']) {
      const { size } = statSync(join(folder, file));
      io.print(`${join(folder, file)}  ${(size / 1e6).toFixed(1)} MB\n`);
    }
    return 0;
  },
});

if (import.meta.main) await runProgram(buildInitramfs);
