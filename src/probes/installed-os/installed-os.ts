// Finds the operating systems installed on this machine's disks, by mounting their file systems.
import type { ExistingOs } from '../../model/hardware/existing-os.ts';
import { parseMachineId } from '../machine-id.ts';
import { chooseKernel, fstabSource, parseOsName } from './os-files.ts';
import type { Probe } from '../probe.ts';
import { clean, Reading } from '../reading.ts';
import { within } from './mount.ts';
import { findVolumes, type Volume } from './volumes.ts';

/** Source: every ext, XFS and btrfs file system of /sys/class/block, and of logical volumes and mirrors that are in
 *  one piece on a device of it, mounted by `mount` one after the other. That there is no system takes having looked
 *  everywhere, as a server then lets the disks be overwritten. Errors: reports exec.failed for what cannot be
 *  mounted. */
export const installedOsProbe: Probe<'installedOs'> = {
  name: 'installedOs',
  async read(root, report, signal) {
    const read = new Reading(root, 'installedOs', report);
    const volumes = await findVolumes(read);
    if (volumes === undefined) return undefined;
    const found: { system: ExistingOs; order: number }[] = [];
    for (const volume of volumes) {
      if (signal.aborted) break;
      const system = await examine(read, volume, volumes);
      if (system !== undefined) found.push({ system, order: volume.order });
    }
    if (found.length === 0 && read.hasProblems) return undefined;
    // Device names change between boots, and the first one's machine-id identifies the machine.
    const sorted = found.toSorted(
      (a, b) => a.order - b.order || compare(a.system.fs_uuid ?? '', b.system.fs_uuid ?? ''),
    );
    return sorted.map(({ system }) => system);
  },
};

async function examine(
  read: Reading,
  volume: Volume,
  volumes: readonly Volume[],
): Promise<ExistingOs | undefined> {
  const inspected = await within(read, volume, (top) => inspect(read, top, volume));
  if (inspected === undefined) return undefined;
  const { system, boot } = inspected;
  // The kernel is in /boot, which may be a file system of its own.
  const other = volumes.find(
    ({ names, uuid }) =>
      boot !== undefined && (names.includes(boot) || boot.toLowerCase() === `uuid=${uuid}`),
  );
  if (system.kernel_path !== null || other === undefined) return system;
  const names = await within(read, other, (top) => listInside(read, top, ''));
  return { ...system, ...toPaths(names ?? []) };
}

interface Inspected {
  system: ExistingOs;
  /** The device that is mounted at /boot. */
  boot: string | undefined;
}

async function inspect(read: Reading, top: string, volume: Volume): Promise<Inspected | undefined> {
  for (const root of [top, ...btrfsRoots(volume).map((name) => `${top}/${name}`)]) {
    const name = await readOsName(read, root);
    if (name === undefined) continue;
    const [hostname, machineId, fstab, kernels] = await Promise.all([
      readInside(read, root, '/etc/hostname'),
      readInside(read, root, '/etc/machine-id'),
      readInside(read, root, '/etc/fstab'),
      listInside(read, root, '/boot'),
    ]);
    const system = {
      name,
      hostname: clean(hostname ?? '') || null,
      machine_id: (machineId && parseMachineId(machineId)) ?? null,
      fs_uuid: volume.uuid,
      device: volume.device,
      ...toPaths(kernels),
    };
    return { system, boot: fstab === undefined ? undefined : fstabSource(fstab, '/boot') };
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
