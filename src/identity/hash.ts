// The identity hash of storage-schema.md, byte for byte. It neither dedupes nor validates: the collector of
// identity sources decides what goes in.
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

const isMac = /^[0-9a-f:]*$/;

/** SHA-256, in lower-case hex, over the sorted MACs (each followed by "|"), the SMBIOS UUID, "|" and
 *  the machine-id. A missing UUID or id contributes nothing; the separators stay.
 *  Source: compute_identity_hash of storage-schema.md. */
export function computeIdentityHash(
  macs: readonly string[],
  smbiosUuid: string | null,
  machineId: string | null,
): string {
  // Loading node:crypto for one hash would take a fifth of the whole time of `inventory`.
  return bytesToHex(sha256(Buffer.from(identityBytes(macs, smbiosUuid, machineId))));
}

/** The text that is hashed, as UTF-8. */
export function identityBytes(
  macs: readonly string[],
  smbiosUuid: string | null,
  machineId: string | null,
): string {
  const sorted = macs.map((mac) => mac.toLowerCase().replaceAll('-', ':')).toSorted(byBytes);
  const listed = sorted.map((mac) => `${mac}|`).join('');
  return `${listed}${smbiosUuid?.toLowerCase() ?? ''}|${machineId ?? ''}`;
}

/** As Rust sorts strings. UTF-16 order is another one beyond the basic plane, of which no MAC has a character. */
function byBytes(a: string, b: string): number {
  if (isMac.test(a) && isMac.test(b)) return a < b ? -1 : Number(a > b);
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
