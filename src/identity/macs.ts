// MAC addresses: normalises their spelling, and tells which cannot identify a machine.

/** Normalises twelve hex digits with any of the usual separators (`AA-BB-…`, `aa:bb:…`, `aabb.ccdd.eeff`,
 *  none) to lower case with colons. Returns undefined for anything else. */
export function normalizeMac(text: string): string | undefined {
  const trimmed = text.trim();
  const separated = /^[0-9a-f]{2}([-:][0-9a-f]{2}){5}$/i.test(trimmed);
  const bare = /^[0-9a-f]{12}$/i.test(trimmed) || /^([0-9a-f]{4}\.){2}[0-9a-f]{4}$/i.test(trimmed);
  if (!separated && !bare) return undefined;
  const digits = trimmed.toLowerCase().replaceAll(/[^0-9a-f]/g, '');
  return digits.replaceAll(/(..)(?=.)/g, '$1:');
}

/** True for all zeros and all ones, which no NIC has. */
export function isJunkMac(mac: string): boolean {
  return mac === '00:00:00:00:00:00' || mac === 'ff:ff:ff:ff:ff:ff';
}
