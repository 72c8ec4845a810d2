// The Trusted Platform Module, if there is one, and its version.
import type { Tpm } from '../model/hardware/tpm.ts';
import type { Probe } from './probe.ts';
import { Reading } from './reading.ts';

const base = '/sys/class/tpm';

/** Source: /sys/class/tpm/tpm0/tpm_version_major (kernel ≥ 5.5), else `caps`, which only the drivers
 *  of version 1.2 have, else the resource manager's device, which only version 2.0 has. */
export const tpmProbe: Probe<'tpm'> = {
  name: 'tpm',
  async read(root, report) {
    const read = new Reading(root, 'tpm', report);
    const names = await read.list(base);
    if (names === undefined) return undefined;
    const device = names.find((name) => /^tpm\d+$/.test(name));
    if (device === undefined) return { is_present: false, version: null };
    return { is_present: true, version: await readVersion(read, device) };
  },
};

async function readVersion(read: Reading, device: string): Promise<Tpm['version']> {
  const [major, caps] = await Promise.all([
    read.value(`${base}/${device}/tpm_version_major`),
    read.text(`${base}/${device}/device/caps`),
  ]);
  if (major === '2') return '2.0';
  if (major === '1' || caps?.includes('TCG version: 1.2') === true) return '1.2';
  const managers = await read.list('/sys/class/tpmrm');
  return managers?.includes(device.replace('tpm', 'tpmrm')) ? '2.0' : null;
}
