// A name that people can say and remember, made from a MAC address.
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { normalizeMac } from './macs.ts';

/** Four words for the low 44 bits of a MAC, 11 bits a word, high to low; "Machine-" and the first 8
 *  characters without colons for what is no MAC.
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
