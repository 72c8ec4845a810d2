// IP addresses: text forms, the forms in /proc/net, and their scope. Pure.

/** Converts 32 hex digits to the short text form: "fd000000…0001" → "fd00::1". */
export function ipv6Text(digits: string): string {
  return new URL(`http://[${digits.replaceAll(/(.{4})(?=.)/g, '$1:')}]`).hostname.slice(1, -1);
}

/** The 32 hex digits of an IPv6 address in any text form; undefined for anything else. */
export function ipv6Digits(text: string): string | undefined {
  const short = URL.parse(`http://[${text}]`)?.hostname.slice(1, -1);
  if (short === undefined) return undefined;
  const [head = '', tail] = short.split('::');
  const [before, after] = [head, tail ?? ''].map((half) => (half === '' ? [] : half.split(':')));
  const zeros = 8 - (before?.length ?? 0) - (after?.length ?? 0);
  const groups = [...(before ?? []), ...Array<string>(zeros).fill('0'), ...(after ?? [])];
  return groups.map((group) => group.padStart(4, '0')).join('');
}

/** Converts a dotted address to its number. */
export function ipv4Number(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

/** Converts a number to a dotted address. */
export function ipv4Text(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join('.');
}

/** "host" for 127/8 and ::1, "link" for 169.254/16 and fe80::/10. */
export function scopeOf(address: string): 'global' | 'link' | 'host' {
  if (address.startsWith('127.') || address === '::1') return 'host';
  return /^(169\.254\.|fe[89ab].:)/.test(address) ? 'link' : 'global';
}
