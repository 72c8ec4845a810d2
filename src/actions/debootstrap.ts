// debootstrap: partitions the planned disk and installs Debian, or what is made of it, from packages: a
// system that boots by itself.
import { AppError } from '../core/errors.ts';
import { checks } from '../model/actions/checks.ts';
import { parsePackages } from '../model/actions/packages.ts';
import type { BlockFile } from '../sources/writing/block-file.ts';
import type { Action, ActionContext } from './action.ts';
import { installSystem } from './debian/install.ts';
import { requireSuite } from './debian/mirror.ts';
import { layOut, type Layout } from './disk/layout.ts';
import { makeFileSystems, makePartitions } from './disk/make-partitions.ts';
import { leaveUnbootable, tearDown } from './disk/teardown.ts';

export const debootstrap: Action<'debootstrap'> = {
  check: checks.debootstrap,

  async run(fields, context) {
    const { host } = context;
    const { device } = await context.disk(fields);
    const isUefi = (await host.root.list('/sys/firmware/efi')) !== undefined;
    const layout = fields.layout ?? (isUefi ? 'gpt-efi' : 'gpt-bios');
    if ((layout === 'gpt-efi') !== isUefi) {
      context.note(`the layout ${layout} is not for the firmware that this machine started by`);
    }
    const geometry = await host.openDisk(device, 'read');
    await geometry.close();
    // Refuses a disk that is too small before the mirror is asked.
    layOut(layout, {}, geometry);
    await requireSuite({ suite: fields.suite, mirror: fields.mirror }, context);
    return await onNewDisk(device, layout, geometry, context, async (root, esp) => {
      const { mirror } = fields;
      const packages = parsePackages(fields.extra_packages);
      const given = { disk: device, suite: fields.suite, mirror, packages, root, esp };
      const installed = await installSystem(given, context);
      return {
        message: `${installed.system} on ${device}, with ${installed.kernel}`,
        details: { device, layout, ...installed },
      };
    });
  },
};

interface Partition {
  readonly number: number;
  readonly device: string;
}

/** A disk that was begun and not finished does not boot. */
async function onNewDisk<T>(
  device: string,
  layout: Layout,
  geometry: BlockFile,
  { host, signal, note, progress }: ActionContext,
  use: (root: Partition, esp: Partition | undefined) => Promise<T>,
): Promise<T> {
  const options = { signal, onLine: note };
  const planned = layOut(layout, {}, geometry);
  await tearDown(host, device, options);
  try {
    progress({ percent: 1, message: 'partitions' });
    const devices = await makePartitions(host, device, planned, options);
    await makeFileSystems(host, devices, 'ext4', options);
    const find = (role: 'root' | 'esp'): Partition | undefined => {
      const number = planned.find((one) => one.role === role)?.number;
      const path = devices[role];
      return number === undefined || path === undefined ? undefined : { number, device: path };
    };
    const root = find('root');
    if (root === undefined) throw new AppError('disk.damaged', `${device} has no root partition`);
    return await use(root, find('esp'));
  } catch (err) {
    await leaveUnbootable(host, device, geometry, err);
    throw err;
  }
}
