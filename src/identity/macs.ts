// MAC addresses: one spelling, and which of them can identify a machine.

/** Twelve hex digits with any of the usual separators (`AA-BB-…`, `aa:bb:…`, `aabb.ccdd.eeff`,
 *  bare) as lower case with colons; undefined for anything else. */
export function normalizeMac(text: string): string | undefined {
  const trimmed = text.trim();
  const separated = /^[0-9a-f]{2}([-:][0-9a-f]{2}){5}$/i.test(trimmed);
  const bare = /^[0-9a-f]{12}$/i.test(trimmed) || /^([0-9a-f]{4}\.){2}[0-9a-f]{4}$/i.test(trimmed);
  if (!separated && !bare) return undefined;
  const digits = trimmed.toLowerCase().replaceAll(/[^0-9a-f]/g, '');
  return digits.replaceAll(/(..)(?=.)/g, '$1:');
}

/** All-zero and all-ones addresses, which no NIC has. */
export function isJunkMac(mac: string): boolean {
  return mac === '00:00:00:00:00:00' || mac === 'ff:ff:ff:ff:ff:ff';
}
