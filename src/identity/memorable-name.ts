// Makes a name that people can say and remember from a MAC address.
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { normalizeMac } from './macs.ts';

/** Makes four words from the low 44 bits of a MAC, 11 bits per word, high to low. For anything but a MAC:
 *  "Machine-" and its first 8 characters without colons.
 *  Source: wire-protocol "Memorable name"; the BIP-39 English word list. */
export function memorableName(mac: string): string {
  const normal = normalizeMac(mac);
  if (normal === undefined) return `Machine-${mac.replaceAll(':', '').slice(0, 8)}`;
  const bits = BigInt(`0x${normal.replaceAll(':', '')}`);
  return [33n, 22n, 11n, 0n]
    .map((shift) => wordlist[Number((bits >> shift) & 0x7ffn)] ?? '')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
