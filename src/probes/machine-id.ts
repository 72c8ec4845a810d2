// The machine-id of the running system, if it is installed. The id of a netboot image must never count:
// it is random at each boot, or baked in and shared.
import type { ExistingOs } from '../model/hardware/existing-os.ts';
import type { MachineIdFacts } from '../model/inventory.ts';
import type { Probe } from './probe.ts';
import { clean, Reading } from './reading.ts';

const source = '/etc/machine-id';
const imageMark = '/etc/dragonfly-image';
const mountTable = '/proc/mounts';

/** Source: /etc/machine-id (machine-id(5)), /etc/dragonfly-image and /proc/mounts. */
export const machineIdProbe: Probe<'machineId'> = {
  name: 'machineId',
  async read(root, report) {
    const read = new Reading(root, 'machineId', report);
    const [text, netbootImage] = await Promise.all([read.text(source), readNetbootImage(read)]);
    const own = text === undefined ? undefined : parseMachineId(text);
    const counts = own !== undefined && netbootImage === null;
    return {
      machine_id: counts ? { value: own, source } : null,
      rejected:
        text === undefined || counts
          ? []
          : [{ value: own ?? clean(text).slice(0, 64), source, why: whyNot(netbootImage) }],
      netboot_image: netbootImage ?? null,
    };
  },
};

function whyNot(netbootImage: NetbootImage | undefined): string {
  if (netbootImage === undefined) return 'it cannot be told whether this is a netboot image';
  return netbootImage === null
    ? 'not 32 hex digits: the system has not set it yet'
    : 'random at each boot: netboot image';
}

/** Takes the id of the first system found on a disk, if this is a netboot image.
 *  Source: wire-protocol.md, `machine_id`. */
export function withInstalledOs(
  facts: MachineIdFacts,
  systems: readonly ExistingOs[],
): MachineIdFacts {
  const [system] = systems;
  if (facts.netboot_image == null || !system?.machine_id) return facts;
  const machine_id = { value: system.machine_id, source: `${source} on ${system.device}` };
  return { ...facts, machine_id };
}

/** 32 hex digits in lower case, not all zero; undefined for "", "uninitialized", dashed forms. */
export function parseMachineId(text: string): string | undefined {
  const id = text.replace(/\n$/, '').toLowerCase();
  return /^[0-9a-f]{32}$/.test(id) && !/^0+$/.test(id) ? id : undefined;
}

type NetbootImage = NonNullable<MachineIdFacts['netboot_image']> | null;

/** The evidence that the running system is a netboot image; null if it is an installed system, undefined if
 *  that cannot be told. */
export async function readNetbootImage(read: Reading): Promise<NetbootImage | undefined> {
  const [mark, mounts] = await Promise.all([read.text(imageMark), read.text(mountTable)]);
  if (mark !== undefined) return { source: imageMark, description: imageVersion(mark) };
  if (read.refused(imageMark, mountTable)) return undefined;
  const type = mounts === undefined ? undefined : volatileRoot(mounts);
  return type === undefined ? null : { source: mountTable, description: `root is ${type}` };
}

function imageVersion(text: string): string {
  try {
    const mark: unknown = JSON.parse(text);
    const isNamed = typeof mark === 'object' && mark !== null && 'version' in mark;
    return isNamed && typeof mark.version === 'string' ? `image ${mark.version}` : 'image';
  } catch {
    return 'image';
  }
}

const memoryTypes = new Set(['rootfs', 'tmpfs', 'ramfs']);
const imageTypes = new Set(['squashfs', 'erofs', 'iso9660']);

/** The kind of a root file system that lives in memory; undefined for one on a disk or a network.
 *  An overlay counts by its own lower layer, whatever else is mounted: a container's root is an overlay as
 *  well, and an installed system may have a config drive mounted. */
export function volatileRoot(mounts: string): string | undefined {
  const entries = mounts.split('\n').map(parseMount);
  // Later mounts cover earlier ones: rootfs stands below every root that was mounted over it.
  const root = entries.findLast(({ target }) => target === '/');
  if (root === undefined) return undefined;
  if (memoryTypes.has(root.type)) return root.type;
  const isImage =
    isLive(root.device) ||
    imageTypes.has(root.type) ||
    (root.type === 'overlay' && isOverImage(root, entries));
  return isImage ? `${root.type} over an image` : undefined;
}

interface Mount {
  readonly device: string;
  readonly target: string;
  readonly type: string;
  readonly options: string;
}

function parseMount(line: string): Mount {
  const [device = '', target = '', type = '', options = ''] = line.split(' ');
  return { device, target, type, options };
}

/** dracut's names for the root of a live image, which is an ext4 file system within it or an overlay over that.
 *  Source: dracut modules.d/90dmsquash-live. */
function isLive(device: string): boolean {
  return device === 'LiveOS_rootfs' || device === '/dev/mapper/live-rw';
}

/** composefs keeps the metadata of an installed system in an image. */
function isOverImage({ device, options }: Mount, mounts: readonly Mount[]): boolean {
  if (device === 'composefs') return false;
  const [, lower = ''] = /(?:^|,)lowerdir=([^,]*)/.exec(options) ?? [];
  return lower.split(':').some((layer) => {
    if (/\.(?:squashfs|erofs)(?:\/|$)/.test(layer)) return true;
    const [holder] = mounts
      .filter(
        ({ target }) => target !== '/' && (layer === target || layer.startsWith(`${target}/`)),
      )
      .toSorted((a, b) => b.target.length - a.target.length);
    return holder !== undefined && imageTypes.has(holder.type);
  });
}
