// What a check-in shows of who it comes from: cleaned of what identifies nothing, and its identity
// hash checked. Pure.
import { AppError } from '../core/errors.ts';
import type { CheckinRequest } from '../model/api.ts';
import { computeIdentityHash } from './hash.ts';
import { isJunkMac, normalizeMac } from './macs.ts';
import { uuidPlaceholder } from './placeholders.ts';

export interface Evidence {
  readonly primaryMac: string;
  /** The MACs of the physical ports, each once, sorted; undefined when only `mac` was sent. */
  readonly macs: readonly string[] | undefined;
  /** Lower case; null also for a placeholder. */
  readonly smbiosUuid: string | null;
  readonly machineId: string | null;
  /** Over the cleaned values above. */
  readonly identityHash: string;
  readonly bootId: string | null;
  readonly sequence: number | null;
}

/** Reads the evidence out of a check-in.
 *  Errors: AppError `request.invalid` with the field's path; `identity.mismatch` with both values. */
export function evidenceOf(request: CheckinRequest): Evidence {
  const primaryMac = usableMac(request.mac, 'mac');
  const sentMacs = macsOf(request, primaryMac);
  const sentMachineId = request.existing_os?.machine_id ?? request.machine_id ?? null;
  checkHash(request, sentMacs ?? [primaryMac], sentMachineId);
  const macs = sentMacs && [...new Set(sentMacs)].filter((mac) => !isJunkMac(mac)).toSorted();
  const smbiosUuid = cleanUuid(request.smbios_uuid ?? '');
  const machineId = cleanMachineId(sentMachineId ?? '');
  return {
    primaryMac,
    macs,
    smbiosUuid,
    machineId,
    identityHash: computeIdentityHash(macs ?? [primaryMac], smbiosUuid, machineId),
    bootId: request.boot_id ?? null,
    sequence: request.sequence ?? null,
  };
}

/** The MACs that a check-in lists, or those of its interfaces and `mac`; none listed is undefined. */
function macsOf(request: CheckinRequest, primaryMac: string): string[] | undefined {
  if (request.all_macs !== undefined && request.all_macs.length > 0) {
    return request.all_macs.map((mac, i) => readMac(mac, `all_macs[${i}]`));
  }
  if (request.interfaces === undefined || request.interfaces.length === 0) return undefined;
  // An interface without an Ethernet address (InfiniBand) adds none.
  const macs = request.interfaces
    .map(({ mac }) => normalizeMac(mac))
    .filter((m) => m !== undefined);
  return [...new Set([...macs, primaryMac])];
}

function readMac(text: string, path: string): string {
  const mac = normalizeMac(text);
  if (mac !== undefined) return mac;
  throw new AppError('request.invalid', `${path} is no MAC address`, { details: { path } });
}

function usableMac(text: string, path: string): string {
  const mac = readMac(text, path);
  if (!isJunkMac(mac)) return mac;
  throw new AppError('request.invalid', `${path} is an address that no interface has`, {
    details: { path },
  });
}

/** The agent hashed what it sent, so the check goes over that and not over cleaned values. */
function checkHash(request: CheckinRequest, macs: string[], machineId: string | null): void {
  const sent = request.identity_hash ?? undefined;
  if (sent === undefined) return;
  const computed = computeIdentityHash(macs, request.smbios_uuid ?? null, machineId);
  if (sent.toLowerCase() === computed) return;
  throw new AppError(
    'identity.mismatch',
    'identity_hash is not the hash of the MACs, the SMBIOS UUID and the machine-id that were sent',
    { details: { path: 'identity_hash', sent, computed } },
  );
}

function cleanUuid(text: string): string | null {
  return uuidPlaceholder(text) === undefined ? text.trim().toLowerCase() : null;
}

/** 32 hex digits that are not all zero; anything else is not set up yet. */
function cleanMachineId(text: string): string | null {
  const id = text.trim();
  return /^[0-9a-f]{32}$/i.test(id) && !/^0+$/.test(id) ? id : null;
}
