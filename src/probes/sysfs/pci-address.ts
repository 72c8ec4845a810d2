// PCI addresses in the paths of sysfs. Pure.

/** The last PCI function in a device path: of a port its own, of a virtio device the one it sits on.
 *  Domains have five digits behind some host bridges. */
export function lastPciAddress(path: string): string | undefined {
  return path.match(/(?<=\/)[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](?=\/|$)/g)?.at(-1);
}
