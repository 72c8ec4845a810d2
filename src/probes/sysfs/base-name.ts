// The last name in a path. Pure.

/** "/sys/bus/pci/drivers/igb" → "igb". */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
