// Makes a name that people can say and remember from a MAC address.
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { normalizeMac } from './macs.ts';

/** Makes four words from the low 44 bits of a MAC, 11 bits per word, high to low. For anything but a MAC:
 *  "Machine-" and its first 8 characters without colons.
 *  Source: wire-protocol "Memorable name"; the BIP-39 English word list. */
export function memorableName(mac: string): string {
  const normal = normalizeMac(mac);
  if (normal === undefined) return `Machine-${mac.replaceAll(':', '').slice(0, 8)}`;
  const bits = Number.parseInt(normal.replaceAll(':', ''), 16);
  return [2 ** 33, 2 ** 22, 2 ** 11, 1]
    .map((place) => wordlist[Math.floor(bits / place) % 2048] ?? '')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
