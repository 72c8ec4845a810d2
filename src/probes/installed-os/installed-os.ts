// Finds the operating systems installed on this machine's disks, by mounting their file systems.
import type { ExistingOs } from '../../model/hardware/existing-os.ts';
import { parseMachineId } from '../machine-id.ts';
import { chooseKernel, fstabSource, parseOsName } from './os-files.ts';
import type { Probe } from '../probe.ts';
import { clean, Reading } from '../reading.ts';
import type { Superblock } from './superblock.ts';
import { findVolumes, type Volume } from './volumes.ts';

const place = '/run/dragonfly/probe';
const bootPlace = '/run/dragonfly/probe-boot';

/** Read-only and without replaying the journal, because a suspended system must not be changed. */
const mountOptions: Readonly<Record<Superblock['type'], string>> = {
  ext4: 'ro,noload',
  xfs: 'ro,norecovery,nouuid',
  btrfs: 'ro,rescue=nologreplay',
};

/** Source: every ext, XFS and btrfs file system of /sys/class/block, mounted by `mount` one after the
 *  other. That there is no system takes having looked everywhere, as a server then lets the disks be
 *  overwritten. Errors: reports exec.failed for what cannot be mounted. */
export const installedOsProbe: Probe<'installedOs'> = {
  name: 'installedOs',
  async read(root, report, signal) {
    const read = new Reading(root, 'installedOs', report);
    const volumes = await findVolumes(read);
    if (volumes === undefined) return undefined;
    const found: ExistingOs[] = [];
    for (const volume of volumes) {
      if (signal.aborted) break;
      const system = await within(read, volume, place, (top) =>
        inspect(read, top, volume, volumes),
      );
      if (system !== undefined) found.push(system);
    }
    if (found.length === 0 && read.hasProblems) return undefined;
    // Device names change between boots, and the first one's machine-id identifies the machine.
    return found.toSorted((a, b) => compare(a.fs_uuid ?? '', b.fs_uuid ?? ''));
  },
};

/** Passes the directory of a volume to `use`. Mounts it for that time unless it is mounted already. */
async function within<T>(
  read: Reading,
  volume: Volume,
  at: string,
  use: (top: string) => Promise<T>,
): Promise<T | undefined> {
  if (volume.mountedAt !== undefined) return await use(volume.mountedAt);
  await read.exec('mkdir', ['-p', at]);
  const options = `${mountOptions[volume.type]},nodev,nosuid,noexec`;
  const args = ['-t', volume.type, '-o', options, volume.device, at];
  if ((await read.exec('mount', args)) === undefined) {
    // A refusal was already reported.
    if (!read.refused(['mount', ...args].join(' '))) {
      read.problem('exec.failed', 'mount', `no mount command to inspect ${volume.device} with`);
    }
    return undefined;
  }
  try {
    return await use(at);
  } finally {
    await read.exec('umount', [at]);
  }
}

async function inspect(
  read: Reading,
  top: string,
  volume: Volume,
  volumes: readonly Volume[],
): Promise<ExistingOs | undefined> {
  for (const root of [top, ...btrfsRoots(volume).map((name) => `${top}/${name}`)]) {
    const name = await readOsName(read, root);
    if (name === undefined) continue;
    const [hostname, machineId] = await Promise.all([
      readInside(read, root, '/etc/hostname'),
      readInside(read, root, '/etc/machine-id'),
    ]);
    return {
      name,
      hostname: clean(hostname ?? '') || null,
      machine_id: (machineId && parseMachineId(machineId)) ?? null,
      fs_uuid: volume.uuid,
      device: volume.device,
      ...(await findKernel(read, root, volumes)),
    };
  }
  return undefined;
}

/** Names that installers give to the root subvolume. */
function btrfsRoots({ type }: Volume): string[] {
  return type === 'btrfs' ? ['@', 'root', '@rootfs', '@/.snapshots/1/snapshot'] : [];
}

async function readOsName(read: Reading, root: string): Promise<string | undefined> {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    const text = await readInside(read, root, path);
    const name = text === undefined ? undefined : parseOsName(text);
    if (name !== undefined) return name;
  }
  return undefined;
}

/** Reads a file of the system below `root`. Absolute links ("/usr/lib/os-release") are resolved below
 *  `root`, and nothing outside is ever read. */
async function readInside(read: Reading, root: string, path: string): Promise<string | undefined> {
  const real = await resolveInside(read, root, path);
  return real === undefined ? undefined : await read.text(real);
}

async function resolveInside(
  read: Reading,
  root: string,
  path: string,
): Promise<string | undefined> {
  const real = await read.link(`${root}${path}`);
  if (real === undefined || real.startsWith(`${root}/`)) return real;
  const again = await read.link(`${root}${real}`);
  return again?.startsWith(`${root}/`) === true ? again : undefined;
}

type Kernel = Pick<ExistingOs, 'kernel_path' | 'initrd_path'>;

/** The kernel in /boot, which may be a file system of its own. */
async function findKernel(
  read: Reading,
  root: string,
  volumes: readonly Volume[],
): Promise<Kernel> {
  const own = toPaths(await listInside(read, root, '/boot'));
  if (own.kernel_path !== null) return own;
  const fstab = await readInside(read, root, '/etc/fstab');
  const source = fstab === undefined ? undefined : fstabSource(fstab, '/boot');
  const boot = volumes.find(
    ({ device, uuid }) => source === device || source?.toLowerCase() === `uuid=${uuid}`,
  );
  if (boot === undefined) return own;
  const names = await within(read, boot, bootPlace, (top) => listInside(read, top, ''));
  return toPaths(names ?? []);
}

async function listInside(read: Reading, root: string, path: string): Promise<readonly string[]> {
  const real = path === '' ? root : await resolveInside(read, root, path);
  return real === undefined ? [] : ((await read.list(real)) ?? []);
}

/** Paths as the installed system sees them. */
function toPaths(names: readonly string[]): Kernel {
  const { kernel, initrd } = chooseKernel(names);
  return {
    kernel_path: kernel === undefined ? null : `/boot/${kernel}`,
    initrd_path: initrd === undefined ? null : `/boot/${initrd}`,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
