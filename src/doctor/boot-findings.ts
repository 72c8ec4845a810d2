// Findings about the way the running system was started.
import type { Facts } from '../model/inventory.ts';
import type { Reading } from '../probes/reading.ts';
import { pass, warn, type Finding } from './finding.ts';

const variables = '/sys/firmware/efi/efivars';
/** Set by the stub of a unified image. Source: systemd-stub(7). */
const stubVariable = 'StubInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f';

/** Says how far Secure Boot reaches; nothing where it is off. The keys that machines come with vouch for loaders and
 *  kernels alone. */
export async function secureBootFinding(read: Reading, facts: Partial<Facts>): Promise<Finding[]> {
  if (facts.boot?.secure_boot !== true) return [];
  const isUnified = (await read.list(variables))?.includes(stubVariable) === true;
  if (isUnified) {
    return [pass('Secure Boot', 'on, for the kernel, the initramfs and the kernel parameters')];
  }
  if (!facts.machineId?.netboot_image) return [pass('Secure Boot', 'on')];
  return [
    warn(
      'Secure Boot',
      'on, for loader and kernel; nothing vouches for the initramfs and the kernel parameters that the network sent',
      'keep that network to yourself, or boot a unified image that you signed: see "Secure Boot" in docs/netboot.md',
    ),
  ];
}
