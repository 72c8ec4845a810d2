// The network of an IPv6 address. Pure.

/** The first 64 bits of an IPv6 address, which are its network's; undefined for IPv4, mapped or not.
 *  Source: RFC 4291 section 2.5.1. */
export function networkOf(address: string): string | undefined {
  if (!address.includes(':') || address.includes('.')) return undefined;
  const [head = '', tail = ''] = address.split('%', 1).join('').split('::');
  const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [before, after] = [groupsOf(head), groupsOf(tail)];
  const zeros = Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`;
}
