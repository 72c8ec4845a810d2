// MAC addresses: normalises their spelling, and tells which cannot identify a machine.

/** Normalises twelve hex digits with any of the usual separators (`AA-BB-…`, `aa:bb:…`, `aabb.ccdd.eeff`,
 *  none) to lower case with colons. Returns undefined for anything else. */
export function normalizeMac(text: string): string | undefined {
  if (/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(text)) return text;
  const trimmed = text.trim();
  const separated = /^[0-9a-f]{2}([-:][0-9a-f]{2}){5}$/i.test(trimmed);
  const bare = /^[0-9a-f]{12}$/i.test(trimmed) || /^([0-9a-f]{4}\.){2}[0-9a-f]{4}$/i.test(trimmed);
  if (!separated && !bare) return undefined;
  const digits = trimmed.toLowerCase().replaceAll(/[^0-9a-f]/g, '');
  return digits.replaceAll(/(..)(?=.)/g, '$1:');
}

/** The MAC of the port behind an IP-over-InfiniBand address of 20 bytes, by its GUID, which is the same at every
 *  boot, as the rest of the address is not. Returns undefined for anything else.
 *  Source: the GUID is an EUI-64 that Mellanox makes of a MAC by two bytes in its middle; OpenStack Ironic reads
 *  it back the same way. */
export function macOfInfiniband(text: string): string | undefined {
  const bytes = text.trim().toLowerCase().split(/[-:]/);
  if (bytes.length !== 20 || bytes.some((byte) => !/^[0-9a-f]{2}$/.test(byte))) return undefined;
  return [...bytes.slice(12, 15), ...bytes.slice(17)].join(':');
}

/** Normalises the MAC of the port that a machine boots from, as loaders write it: in any of the spellings
 *  above, with the hardware type of Ethernet before it (`01-aa-bb-…`) or without; or the 20 bytes of InfiniBand. */
export function normalizeBootMac(text: string): string | undefined {
  const digits = text.trim().replaceAll(/[-:.]/g, '');
  const isTyped = /^01[0-9a-f]{12}$/i.test(digits);
  return normalizeMac(isTyped ? digits.slice(2) : text) ?? macOfInfiniband(text);
}

/** Addresses that many ports have: unprogrammed Intel cards, the console of BlueField cards, libvirt's and
 *  Xen's back ends, Apple's T2, and boards whose U-Boot brings one (Espressobin, Macchiatobin). */
const shared = [
  '88:88:88:88:87:88',
  '00:1a:ca:ff:ff:01',
  'fe:ff:ff:ff:ff:ff',
  'ac:de:48:00:11:22',
  'f0:ad:4e:03:64:7f',
  '00:51:82:11:22:00',
  '00:51:82:11:22:01',
  '00:51:82:11:22:02',
  '00:51:82:11:22:03',
];

/** True for all zeros, multicast addresses (all ones among them), and addresses that many ports have. */
export function isJunkMac(mac: string): boolean {
  const isMulticast = (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
  return mac === '00:00:00:00:00:00' || isMulticast || shared.some((one) => one === mac);
}
