// The udev database: properties of a device that udev's rules and helpers found out. Pure.
import { clean } from '../reading.ts';

/** The properties ("E:KEY=value") of a device.
 *  Source: /run/udev/data/b<major>:<minor>, systemd src/libsystemd/sd-device. */
export function parseUdevData(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (!line.startsWith('E:') || equals === -1) continue;
    properties.set(line.slice(2, equals), clean(line.slice(equals + 1)));
  }
  return properties;
}

/** Decodes udev's escapes, "QEMU\x20HARDDISK" → "QEMU HARDDISK", and trims. */
export function decodeUdev(text: string): string {
  return text
    .replaceAll(/\\x([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    .trim();
}
