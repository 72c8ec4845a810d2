// The identity hash of storage-schema.md, byte for byte. It neither dedupes nor validates: the collector of
// identity sources decides what goes in.
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

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
  const sorted = macs.map((mac) => Buffer.from(mac.toLowerCase().replaceAll('-', ':')));
  // By bytes, as Rust sorts strings: UTF-16 order differs beyond the basic plane.
  sorted.sort((a, b) => Buffer.compare(a, b));
  const listed = sorted.map((mac) => `${mac.toString()}|`).join('');
  return `${listed}${smbiosUuid?.toLowerCase() ?? ''}|${machineId ?? ''}`;
}
