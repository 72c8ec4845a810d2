// partition: makes a partition table and file systems on the planned disk.
import type { Action } from './action.ts';
import { checks } from '../model/actions/checks.ts';
import { layOut } from './disk/layout.ts';
import { makeFileSystems, makePartitions } from './disk/make-partitions.ts';
import { leaveUnbootable, tearDown } from './disk/teardown.ts';

export const partition: Action<'partition'> = {
  check: checks.partition,

  async run(fields, context) {
    const { host, signal, note } = context;
    const { device } = await context.disk(fields);
    const {
      layout = 'gpt-efi',
      efi_size: efiSize,
      swap_size: swapSize,
      filesystem = 'ext4',
    } = fields;
    const geometry = await host.openDisk(device, 'read');
    await geometry.close();
    const planned = layOut(layout, { efiSize, swapSize, filesystem }, geometry);
    if (swapSize !== undefined && layout !== 'gpt-efi') note(`layout ${layout} has no swap`);
    const options = { signal, onLine: note };
    await tearDown(host, device, options);
    try {
      const devices = await makePartitions(host, device, planned, options);
      await makeFileSystems(host, devices, filesystem === 'none' ? undefined : filesystem, options);
      return {
        message: `${layout} on ${device}: ${planned.map(({ role }) => role).join(', ')}`,
        details: { device, layout, ...devices },
      };
    } catch (err) {
      await leaveUnbootable(host, device, geometry, err);
      throw err;
    }
  },
};
