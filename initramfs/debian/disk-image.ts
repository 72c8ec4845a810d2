// A small Debian as a disk image, for the demonstration and the tests: made of Debian's packages, kept until
// its recipe changes. It boots by BIOS and by UEFI, asks DHCP for an address, and has no users.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Apt } from '../content/packages.ts';
import { cacheDir, projectDir, requireTools, run } from '../tools.ts';
import { addLoaders, efiPartition, rootLabel, rootPartition } from './loaders.ts';

/** The packages of the system beside Debian's essential ones. busybox: its wget reports. */
const packages = [
  'linux-image-cloud-amd64',
  'initramfs-tools',
  'systemd-sysv',
  'udev',
  'iproute2',
  'busybox',
];
/** Pages to read, for nobody who logs in. */
const leftOut = ['doc', 'man', 'info', 'locale', 'lintian'].map((name) => `/usr/share/${name}/*`);
const sources = ['disk-image.ts', 'loaders.ts'];
const mebibyte = 1024 * 1024;
const isRoot = process.getuid?.() === 0;

/** Makes sure that the programs that make it are there, or can be installed. */
function requireDebianTools(): void {
  requireTools({
    mmdebstrap: 'mmdebstrap',
    sfdisk: 'fdisk',
    'mkfs.ext4': 'e2fsprogs',
    mcopy: 'mtools',
    zstd: 'zstd',
    'grub-mkimage': 'grub-common',
    ...(isRoot ? {} : { newuidmap: 'uidmap' }),
  });
}

const debianImageName = 'debian.raw.zst';

/** The folder that holds the image, raw and packed with zstd. Builds it unless that was done: `say` is told
 *  so. */
export function ensureDebianImage(say: (text: string) => void): string {
  const folder = join(cacheDir, 'images');
  const recipeFile = join(folder, '.recipe');
  const recipe = createHash('sha256');
  for (const name of sources) {
    recipe.update(readFileSync(join(projectDir, 'initramfs', 'debian', name)));
  }
  const made = existsSync(recipeFile) ? readFileSync(recipeFile, 'utf8') : undefined;
  const wanted = recipe.digest('hex');
  if (made === wanted) return folder;
  requireDebianTools();
  const apt = new Apt('x64');
  apt.update();
  // Images of earlier recipes.
  rmSync(folder, { recursive: true, force: true });
  const work = join(cacheDir, 'image', 'debian');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  mkdirSync(work, { recursive: true });
  say('building a Debian image from its packages (a minute or two)');
  const system = join(work, 'system.tar');
  makeSystem(system);
  say('making it bootable');
  const raw = join(work, 'debian.raw');
  writeDisk(system, raw, work, apt);
  run('zstd', ['--quiet', '-T0', '-9', raw, '-o', join(folder, debianImageName)]);
  writeFileSync(recipeFile, wanted);
  rmSync(work, { recursive: true });
  return folder;
}

const network = `[Match]
Type=ether

[Network]
DHCP=yes
`;

/** Its files, as a tar archive. mmdebstrap needs no root. */
function makeSystem(archive: string): void {
  const write = (path: string, text: string): string =>
    `--customize-hook=mkdir -p "$1$(dirname ${path})" && printf '%s' '${text}' > "$1${path}"`;
  run('mmdebstrap', [
    '--quiet',
    '--variant=essential',
    `--include=${packages.join(',')}`,
    ...leftOut.map((path) => `--dpkgopt=path-exclude=${path}`),
    write('/etc/fstab', `LABEL=${rootLabel} / ext4 defaults 0 1\n`),
    write('/etc/hostname', 'debian\n'),
    write('/etc/systemd/network/80-dhcp.network', network),
    // Empty: the system makes one of its own when it first starts.
    write('/etc/machine-id', ''),
    '--customize-hook=systemctl --root="$1" --quiet enable systemd-networkd systemd-networkd-wait-online',
    'bookworm',
    archive,
  ]);
}

/** Turns the files into a disk with a partition table, file systems and boot loaders. */
function writeDisk(archive: string, raw: string, work: string, apt: Apt): void {
  const root = join(work, 'root');
  mkdirSync(root);
  try {
    // Device files, which only root can make, are made anew by the system itself.
    asRoot(`tar -C '${root}' --exclude='./dev/*' -xf '${archive}'`);
    const usedMiB = Number(asRoot(`du -sm '${root}'`).split('\t')[0]);
    const boot = readdirSync(join(root, 'boot'));
    const newest = (prefix: string): string => boot.findLast((n) => n.startsWith(prefix)) ?? '';
    const rootMiB = Math.ceil(usedMiB * 1.25) + 64;
    const { startMiB } = rootPartition;
    run('truncate', ['--size', `${startMiB + rootMiB + 1}M`, raw]);
    partition(raw, rootMiB);
    addLoaders(raw, work, apt, {
      arch: 'x64',
      sectorBytes: 512,
      kernel: `/boot/${newest('vmlinuz-')}`,
      initrd: `/boot/${newest('initrd.img-')}`,
    });
    asRoot(`mkdir -p '${root}/boot/grub' && cp '${work}/grub.cfg' '${root}/boot/grub/grub.cfg'`);
    const place = `offset=${startMiB * mebibyte},lazy_itable_init=0`;
    asRoot(`mkfs.ext4 -q -F -L ${rootLabel} -d '${root}' -E '${place}' '${raw}' ${rootMiB}M`);
  } finally {
    // Some of its files belong to others.
    asRoot(`rm -rf '${root}'`);
  }
}

/** Runs a script as root, or in a user namespace where this user is root and owns a range of others. */
function asRoot(script: string): string {
  const how = isRoot ? [] : ['unshare', '--map-root-user', '--map-auto'];
  const [program, ...args] = [...how, 'sh', '-ec', script];
  return run(program, args);
}

function partition(raw: string, rootMiB: number): void {
  const table = [
    'label: gpt',
    'start=1MiB, size=1MiB, type=21686148-6449-6E6F-744E-656564454649, name=bios',
    `start=${efiPartition.startMiB}MiB, size=${efiPartition.sizeMiB}MiB, type=uefi, name=esp`,
    `start=${rootPartition.startMiB}MiB, size=${rootMiB}MiB, type=linux, name=root`,
  ];
  run('sfdisk', ['--quiet', raw], {
    input: `${table.join('\n')}\n`,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}
