// The programs of the netboot image, the libraries that these link to, and the packages that both come from.
import { copyFileSync, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { architectures, type Arch } from '../arch.ts';
import { copyAgent } from './agent-program.ts';
import { compileProgram } from './c-programs.ts';
import type { Apt, DebianPackage } from './packages.ts';

export type Packages = Readonly<Record<keyof typeof packageNames | 'kernel', DebianPackage>>;

const packageNames = {
  busybox: 'busybox-static',
  libc: 'libc6',
  libgcc: 'libgcc-s1',
  libstdcxx: 'libstdc++6',
  libatomic: 'libatomic1',
  dhcpcd: 'dhcpcd-base',
  firmware: 'firmware-linux-free',
} as const;

export function fetchPackages(arch: Arch, apt: Apt): Packages {
  const fetch = (key: keyof typeof packageNames): DebianPackage => apt.fetch(packageNames[key]);
  return {
    kernel: apt.fetch(apt.dependencyOf(`linux-image-${architectures[arch].debian}`)),
    busybox: fetch('busybox'),
    libc: fetch('libc'),
    libgcc: fetch('libgcc'),
    libstdcxx: fetch('libstdcxx'),
    libatomic: fetch('libatomic'),
    dhcpcd: fetch('dhcpcd'),
    firmware: fetch('firmware'),
  };
}

/** Node links to these; the resolver of names is inside libc. */
const libcFiles = 'libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 libresolv.so.2 librt.so.1'.split(
  ' ',
);

/** Copies the agent, what it links to, and the DHCPv6 client, and gives the paths of what it copied. */
export function copyPrograms(
  arch: Arch,
  packages: Packages,
  executable: string,
  heavy: string,
): readonly string[] {
  const paths: string[] = [];
  const put = (from: string, to: string): void => {
    paths.push(to);
    mkdirSync(dirname(join(heavy, to)), { recursive: true });
    copyFileSync(from, join(heavy, to));
  };
  paths.push(copyAgent(arch, executable, heavy));
  put(join(packages.dhcpcd.root, 'usr/sbin/dhcpcd'), 'usr/sbin/dhcpcd');
  const listener = 'usr/sbin/hear-neighbours';
  if (compileProgram(arch, 'hear-neighbours', join(heavy, listener))) paths.push(listener);
  else
    console.error(
      `no ${architectures[arch].triplet}-gcc: the image will not hear LLDP, and take more memory`,
    );
  const { triplet, loader } = architectures[arch];
  for (const file of libcFiles) {
    put(join(packages.libc.root, 'lib', triplet, file), `lib/${triplet}/${file}`);
  }
  put(join(packages.libc.root, 'lib', triplet, basename(loader)), loader);
  put(join(packages.libgcc.root, 'lib', triplet, 'libgcc_s.so.1'), `lib/${triplet}/libgcc_s.so.1`);
  const stdcxx = join(packages.libstdcxx.root, 'usr', 'lib', triplet, 'libstdc++.so.6');
  put(stdcxx, `lib/${triplet}/libstdc++.so.6`);
  const atomic = join(packages.libatomic.root, 'usr', 'lib', triplet, 'libatomic.so.1');
  put(atomic, `lib/${triplet}/libatomic.so.1`);
  return paths;
}

/** By package: ipmitool, which asks a server's management controller for its address, and what it links to. */
const ipmiFiles: Readonly<Record<string, string>> = {
  ipmitool: 'usr/bin/ipmitool',
  libfreeipmi17: 'usr/lib/TRIPLET/libfreeipmi.so.17',
  libgcrypt20: 'usr/lib/TRIPLET/libgcrypt.so.20',
  'libgpg-error0': 'lib/TRIPLET/libgpg-error.so.0',
  libreadline8: 'lib/TRIPLET/libreadline.so.8',
  libtinfo6: 'lib/TRIPLET/libtinfo.so.6',
  libssl3: 'usr/lib/TRIPLET/libcrypto.so.3',
};

export function fetchIpmitool(apt: Apt): DebianPackage[] {
  return apt.fetchAll(Object.keys(ipmiFiles));
}

/** Gives the paths of what it copied. */
export function copyIpmitool(
  arch: Arch,
  packages: readonly DebianPackage[],
  heavy: string,
): string[] {
  const { triplet } = architectures[arch];
  return packages.map(({ name, root }) => {
    const from = (ipmiFiles[name] ?? '').replace('TRIPLET', triplet);
    const to = from.replace(/^usr\/lib/, 'lib');
    mkdirSync(dirname(join(heavy, to)), { recursive: true });
    copyFileSync(join(root, from), join(heavy, to));
    return to;
  });
}
