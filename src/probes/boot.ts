// The boot of the running system: its kind of firmware and its kernel.
import type { Boot } from '../model/hardware/boot.ts';
import type { Probe } from './probe.ts';
import { Reading } from './reading.ts';

const secureBootVariable =
  '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

/** Source: /sys/firmware/efi, which the kernel makes only when UEFI started it. */
export const bootProbe: Probe<'boot'> = {
  name: 'boot',
  async read(root, report) {
    const read = new Reading(root, 'boot', report);
    const [firmware, kernel] = await Promise.all([
      read.list('/sys/firmware'),
      read.value('/proc/sys/kernel/osrelease'),
    ]);
    const mode = firmwareMode(firmware);
    return {
      firmware_mode: mode,
      secure_boot: mode === 'uefi' ? await readSecureBoot(read) : null,
      kernel: kernel ?? null,
    };
  },
};

/** A BIOS leaves no trace of its own, only what it shares with UEFI: ACPI or SMBIOS tables. */
function firmwareMode(firmware: readonly string[] = []): Boot['firmware_mode'] {
  if (firmware.includes('efi')) return 'uefi';
  return firmware.includes('acpi') || firmware.includes('dmi') ? 'bios' : null;
}

/** The variable's value follows four bytes of attributes. */
async function readSecureBoot(read: Reading): Promise<boolean | null> {
  const variable = await read.bytes(secureBootVariable);
  return variable?.length === 5 ? variable[4] === 1 : null;
}
