// Reads the kernel log for drivers, firmware and links. Pure.

export interface KernelLog {
  /** Firmware files that a driver asked for in vain, with the device of that line. */
  missingFirmware: readonly { file: string; line: string }[];
  /** The times at which an interface's link came up and its name first appeared. Units: seconds since boot. */
  links: ReadonlyMap<string, { firstSeconds: number; upSeconds: number }>;
  /** NVMe disks that an Intel controller in RAID mode hides. */
  hiddenNvmeDisks: number;
}

const missing = [
  /Direct firmware load for (\S+) failed/,
  /firmware: failed to load (\S+)/,
  /(?:[Ff]ailed to load|[Cc]an't load|[Uu]nable to load) firmware(?: file)?:? "?([\w./-]+\.\w+)/,
];
const linkUp = /\b(\S+): (?:.*\b)?(?:NIC )?link (?:is up|becomes ready|up)\b/i;
const hidden = /Found (\d+) remapped NVMe devices/;

/** Source: dmesg with times ("[    1.234567] …"), which is how the kernel prints its log. */
export function parseKernelLog(text: string): KernelLog {
  const missingFirmware: { file: string; line: string }[] = [];
  const first = new Map<string, number>();
  const links = new Map<string, { firstSeconds: number; upSeconds: number }>();
  let hiddenNvmeDisks = 0;
  for (const line of text.split('\n')) {
    const file = missing.map((pattern) => pattern.exec(line)?.[1]).find((f) => f !== undefined);
    if (file !== undefined && !missingFirmware.some((m) => m.file === file)) {
      missingFirmware.push({ file, line });
    }
    hiddenNvmeDisks += Number(hidden.exec(line)?.[1] ?? 0);
    const seconds = Number(/^(?:<\d+>)?\[\s*(\d+\.\d+)\]/.exec(line)?.[1]);
    if (Number.isNaN(seconds)) continue;
    for (const [, name = ''] of line.matchAll(/\b(\w+): /g)) {
      if (!first.has(name)) first.set(name, seconds);
    }
    const up = linkUp.exec(line)?.[1];
    const firstSeconds = up === undefined ? undefined : first.get(up);
    // A later line for the same link replaces the earlier one.
    if (up !== undefined && firstSeconds !== undefined)
      links.set(up, { firstSeconds, upSeconds: seconds });
  }
  return { missingFirmware, links, hiddenNvmeDisks };
}
