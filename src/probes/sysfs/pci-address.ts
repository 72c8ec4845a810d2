// PCI addresses in the paths of sysfs. Pure.

/** The last PCI function in a device path: a port's own, or the one that a virtio device sits on. Domains
 *  behind some host bridges have five digits. */
export function lastPciAddress(path: string): string | undefined {
  return path.match(/(?<=\/)[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](?=\/|$)/g)?.at(-1);
}
