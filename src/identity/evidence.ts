// The identifying fields of a check-in: placeholders removed, and its identity hash checked. Pure.
import { hash } from 'node:crypto';
import { AppError } from '../core/errors.ts';
import type { CheckinRequest } from '../model/api/agent.ts';
import { identityBytes } from './hash.ts';
import { isJunkMac, macOfInfiniband, normalizeMac } from './macs.ts';
import { uuidPlaceholder } from './placeholders.ts';
import { diskClues, traitsOf, type Traits } from './traits.ts';

export interface Evidence {
  readonly primaryMac: string;
  /** The MACs of the physical ports, each once, sorted; undefined when only `mac` was sent. None: every
   *  address of the machine is made up or shared, `primaryMac` too, and is never matched on. */
  readonly macs: readonly string[] | undefined;
  /** Lower case; null also for a placeholder. */
  readonly smbiosUuid: string | null;
  readonly machineId: string | null;
  /** Over the cleaned values above. */
  readonly identityHash: string;
  readonly bootId: string | null;
  readonly sequence: number | null;
  readonly traits: Traits;
  /** The disks that the machine is looked for by. */
  readonly diskClues: readonly string[];
}

/** True for a stock agent: it shows nothing of its machine's identity but the primary MAC, or not even that where
 *  many machines have it. */
export function isStock({ bootId, primaryMac, macs, smbiosUuid }: Evidence): boolean {
  const hasNone = macs === undefined || (macs.length === 0 && isJunkMac(primaryMac));
  return bootId === null && hasNone && smbiosUuid === null;
}

/** Reads the evidence out of a check-in.
 *  Errors: AppError `request.invalid` with the field's path; `identity.mismatch` with both values. */
export function evidenceOf(request: CheckinRequest): Evidence {
  const primaryMac = usableMac(request.mac, 'mac');
  const sentMacs = macsOf(request, primaryMac);
  const sentUuid = request.smbios_uuid?.toLowerCase() ?? null;
  const sentMachineId = request.existing_os?.machine_id ?? request.machine_id ?? null;
  // The agent hashed what it sent, so its hash is checked over that and not over cleaned values.
  const sentHash = identityHash(sentMacs ?? [primaryMac], sentUuid, sentMachineId);
  checkHash(request.identity_hash ?? '', sentHash);
  const macs = (sentMacs ?? (isJunkMac(primaryMac) ? [] : undefined))
    ?.filter((mac, i, all) => !isJunkMac(mac) && all.indexOf(mac) === i)
    .toSorted();
  const smbiosUuid = cleanUuid(sentUuid ?? '');
  const machineId = cleanMachineId(sentMachineId ?? '');
  const wasClean =
    macs?.length === sentMacs?.length && smbiosUuid === sentUuid && machineId === sentMachineId;
  const traits = traitsOf(request, request.disks);
  return {
    primaryMac,
    macs,
    smbiosUuid,
    machineId,
    identityHash: wasClean ? sentHash : identityHash(macs ?? [primaryMac], smbiosUuid, machineId),
    bootId: request.boot_id ?? null,
    sequence: request.sequence ?? null,
    traits,
    diskClues: diskClues(traits),
  };
}

/** As `computeIdentityHash`, by the SHA-256 of the runtime, which a server has loaded anyway. */
function identityHash(...parts: Parameters<typeof identityBytes>): string {
  return hash('sha256', identityBytes(...parts));
}

/** The MACs that a check-in lists, or those of its interfaces and `mac`; none listed is undefined. */
function macsOf(request: CheckinRequest, primaryMac: string): string[] | undefined {
  if (request.all_macs !== undefined) {
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
  throw new AppError('request.invalid', `${path} is not a MAC address`, { details: { path } });
}

/** An address that many ports have is taken: the machine is known by its other evidence. */
function usableMac(text: string, path: string): string {
  const mac = normalizeMac(text) ?? macOfInfiniband(text) ?? readMac(text, path);
  if (mac !== '00:00:00:00:00:00' && mac !== 'ff:ff:ff:ff:ff:ff') return mac;
  throw new AppError('request.invalid', `${path} cannot be the address of an interface`, {
    details: { path },
  });
}

function checkHash(sent: string, computed: string): void {
  if (sent === '' || sent.toLowerCase() === computed) return;
  throw new AppError(
    'identity.mismatch',
    'identity_hash does not match the MACs, the SMBIOS UUID and the machine-id that were sent',
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
