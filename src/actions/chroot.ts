// chroot: chooses the system on the disk that the programs of later actions run in, and shows that they can.
import type { Action, Fields } from './action.ts';
import { withEnvironment } from './disk/environment.ts';
import type { Where } from './disk/system.ts';

export const chroot: Action<'chroot'> = {
  async run(fields, { host, signal, note, disk, system }) {
    if (fields.teardown === true) {
      system.choose(undefined);
      return { message: 'nothing stays mounted between actions' };
    }
    const { device } = await disk(fields);
    const where = whereOf(fields);
    const options = { signal, note, onLine: note };
    return await withEnvironment(host, device, where, options, async ({ mounted, run }) => {
      await run('/bin/sh', ['-c', ':'], options);
      system.choose(where);
      const release = await mounted.tree.text('/etc/os-release');
      const [, name = null] = /^PRETTY_NAME="?([^"\n]*)/m.exec(release ?? '') ?? [];
      return {
        message: `programs run in ${name ?? 'the system'} on ${mounted.info.device}`,
        details: { device: mounted.info.device, system: name },
      };
    });
  },
};

export function whereOf({ partition, fs_type }: Fields<'chroot'>): Where {
  return { partition, fs_type };
}
