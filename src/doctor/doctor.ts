// Examines a machine for what stops it from being provisioned: itself first, then its way to the
// server. Must not change anything.
import type { Identity } from '../model/inventory.ts';
import { Reading } from '../probes/reading.ts';
import type { Root } from '../sources/root.ts';
import { explainInventory, type InventoryOptions } from '../inventory/inventory.ts';
import { secureBootFinding } from './boot-findings.ts';
import { diskFindings, nicFindings, readPciDevices } from './device-findings.ts';
import { hiddenDiskFindings } from './hidden-disks.ts';
import type { Finding } from './finding.ts';
import {
  addressFinding,
  dmiFinding,
  machineIdFinding,
  rightsFinding,
  uuidFinding,
} from './identity-findings.ts';
import { parseKernelLog, type KernelLog } from './kernel-log.ts';
import { addressFindings, linkFindings, lldpFindings, routeFindings } from './network-findings.ts';

/** Findings about the machine itself, and which it is. Errors: the signal's reason once it is aborted. */
export async function examineHost(
  root: Root,
  options: InventoryOptions = {},
): Promise<{ findings: Finding[]; identity: Identity }> {
  const { inventory, facts, explanation } = await explainInventory(root, options);
  // Failures of these extra reads are not problems of the inventory.
  const read = new Reading(root, 'doctor', () => {});
  const devices = await readPciDevices(read);
  const log = await readKernelLog(read);
  const findings = [
    ...(await rightsFinding(read)),
    dmiFinding(facts, inventory.problems),
    uuidFinding(explanation),
    machineIdFinding(explanation, facts),
    ...(await secureBootFinding(read, facts)),
    ...addressFinding(explanation, facts),
    ...(await nicFindings(read, facts, devices, log)),
    ...linkFindings(facts, log),
    ...(await addressFindings(read, facts, log)),
    ...routeFindings(facts),
    ...(await lldpFindings(read, facts)),
    ...(await diskFindings(read, facts, devices, log)),
    ...(await hiddenDiskFindings(read)),
  ];
  return { findings, identity: inventory.identity };
}

/** On a busy host the log may have lost its beginning. */
async function readKernelLog(read: Reading): Promise<KernelLog | undefined> {
  const text = await read.exec('dmesg');
  return text === undefined ? undefined : parseKernelLog(text);
}
