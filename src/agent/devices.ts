// The disks and ports that are plugged in, as a text to compare: a few names, read often, and no probes.
import type { Root } from '../sources/root.ts';

/** Only what is a device: no loops, bridges, volumes and tunnels, which programs make all the time.
 *  Source: /sys/block, /sys/class/net. Errors: AppError `read.*`. */
export async function deviceNames(root: Root): Promise<string> {
  const found = await Promise.all(
    ['/sys/block', '/sys/class/net'].map(async (folder) => {
      const names = (await root.list(folder)) ?? [];
      const devices = names.map(async (name) => {
        const isDevice = (await root.list(`${folder}/${name}/device`)) !== undefined;
        return isDevice ? [`${folder}/${name}`] : [];
      });
      return (await Promise.all(devices)).flat();
    }),
  );
  return found.flat().join(' ');
}
