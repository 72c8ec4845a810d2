// The file systems that a system on a disk mounts for itself: what its fstab says, as far as they are on that
// disk.
import type { Host, RunOptions } from '../../sources/writing/host.ts';
import { readInfo, type PartitionInfo } from './partition-info.ts';
import { deviceOf, nameOf, readPartitions } from './stack.ts';
import type { Mounted } from './system.ts';

interface FstabEntry {
  /** "UUID=…", "LABEL=…", "/dev/sda1" */
  readonly spec: string;
  readonly path: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** The entries for devices, without swap and those mounted only by hand. Source: fstab(5). */
function parseFstab(text: string): readonly FstabEntry[] {
  const entries: FstabEntry[] = [];
  for (const line of text.split('\n')) {
    const [spec, path, type = 'auto', options = ''] = line.trim().split(/\s+/).map(unescape);
    if (spec === undefined || path === undefined || spec.startsWith('#')) continue;
    const entry = { spec: spec.replaceAll('"', ''), path, type, options: options.split(',') };
    const isDevice = /^((PART)?(UUID|LABEL)=|\/dev\/)/.test(entry.spec);
    if (isDevice && path.startsWith('/') && !entry.options.includes('noauto')) entries.push(entry);
  }
  return entries;
}

/** True if an entry names this partition. */
function isMeant({ spec }: FstabEntry, info: PartitionInfo): boolean {
  const [, tag = 'DEVICE', value = spec] =
    /^([A-Z]+)=(.*)$/.exec(spec) ??
    /^\/dev\/disk\/by-(uuid|label|partuuid|partlabel)\/(.*)$/.exec(spec) ??
    [];
  const isSame = (found: string | undefined): boolean =>
    found?.toLowerCase() === value.toLowerCase();
  switch (tag.toUpperCase()) {
    case 'UUID':
      return isSame(info.uuid);
    case 'LABEL':
      return info.label === value;
    case 'PARTUUID':
      return isSame(info.partitionUuid);
    case 'PARTLABEL':
      return info.partitionLabel === value;
    default:
      return info.device === value || (info.otherNames ?? []).includes(value);
  }
}

/** Mounts within a mounted root what its fstab names and this disk has: /boot, /boot/efi, /usr, …
 *  Errors: AppError `exec.*`, `tree.failed`. */
export async function mountFstab(
  host: Host,
  disk: string,
  { tree, space, info, volumes }: Mounted,
  options: RunOptions & { readonly note: (line: string) => void },
): Promise<void> {
  const infos: PartitionInfo[] = [...volumes];
  for (const { name } of await readPartitions(host.root, nameOf(disk))) {
    infos.push(await readInfo(host, deviceOf(name), options));
  }
  for (const entry of parseFstab((await tree.text('/etc/fstab')) ?? '')) {
    if (entry.path === '/') continue;
    const found = infos.find((one) => isMeant(entry, one));
    if (found?.type === undefined) {
      options.note(`${entry.path} is on ${entry.spec}, which is not on ${disk}: it is not mounted`);
      continue;
    }
    const subvolume = entry.options.filter((option) => option.startsWith('subvol'));
    // The root's own device again is another subvolume of it, or nothing to mount.
    if (found.device === info.device && subvolume.length === 0) continue;
    const { device, type } = found;
    const how = ['-t', type, '-o', ['rw', ...subvolume].join(',')];
    await tree.whileOpen(entry.path, async (outside) => {
      if (outside !== undefined) await space.run('mount', [...how, device, outside], options);
    });
  }
}

/** Source: fstab(5): \040 for a blank. */
function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
