// The names of PCI devices, from the list that the distribution brings. It describes devices, not a machine, so
// that of this host serves for captured machines too.
import type { PciDevice } from '../../model/details.ts';
import type { Root } from '../../sources/root.ts';

const places = ['/usr/share/misc/pci.ids', '/usr/share/hwdata/pci.ids'];

/** The devices with names, as far as there is a list. Errors: none. */
export async function withNames(devices: readonly PciDevice[], root: Root): Promise<PciDevice[]> {
  for (const place of places) {
    const text = await root.text(place).catch(() => undefined);
    if (text === undefined) continue;
    const names = parsePciIds(text, new Set(devices.map(({ id }) => id)));
    return devices.map((device) => ({
      ...device,
      class_name:
        names.get(`C ${device.class.slice(0, 4)}`) ??
        names.get(`C ${device.class.slice(0, 2)}`) ??
        null,
      vendor_name: names.get(device.id.slice(0, 4)) ?? null,
      device_name: names.get(device.id) ?? null,
    }));
  }
  return [...devices];
}

/** Names by "8086", "8086:1533" (those wanted), "C 02" and "C 0200".
 *  Source: pci.ids: a vendor or class, and below it, behind a tab, its devices or subclasses. */
export function parsePciIds(text: string, wanted: ReadonlySet<string>): Map<string, string> {
  const names = new Map<string, string>();
  let above = '';
  for (const line of text.split('\n')) {
    const [, top, name = ''] = /^((?:C )?[0-9a-f]{2,4}) {2}(.+)$/.exec(line) ?? [];
    if (top !== undefined) {
      above = top;
      names.set(top, name);
      continue;
    }
    const [, id, own = ''] = /^\t([0-9a-f]{2,4}) {2}(.+)$/.exec(line) ?? [];
    if (id === undefined) continue;
    if (above.startsWith('C ')) names.set(`${above}${id}`, own);
    else if (wanted.has(`${above}:${id}`)) names.set(`${above}:${id}`, own);
  }
  return names;
}
