// Makes a capture: takes an inventory of a host and keeps every read on the way.
import type { Facts, Inventory } from '../model/inventory.ts';
import { detailProbes } from '../probes/details/index.ts';
import { allProbes } from '../probes/index.ts';
import { lldpdProbe, neighboursProbe } from '../probes/neighbours/neighbours.ts';
import { packFiles } from '../sources/captured/archive.ts';
import { toFiles } from '../sources/captured/capture-file.ts';
import { RecordingRoot, type Read } from '../sources/captured/recording.ts';
import type { Root } from '../sources/root.ts';
import { explainInventory, type InventoryOptions } from '../inventory/inventory.ts';
import { redact } from './redact.ts';
import { scrubCredentials } from './scrub.ts';

export interface CaptureOptions extends InventoryOptions {
  readonly agentVersion: string;
  /** Replace serial numbers, UUIDs, MACs and host names by fakes. */
  readonly redact?: boolean;
  /** Hear the neighbours, for half a minute; else lldpd alone is asked. */
  readonly hear?: boolean;
}

export interface Capture {
  /** The capture's text files by name. */
  files: Map<string, string>;
  /** The inventory taken while recording. */
  inventory: Inventory;
}

/** Captures a host, which may itself be a capture. Credentials are never kept.
 *  Errors: AppError `internal.bug` if something that must be redacted would remain. */
export async function captureHost(root: Root, options: CaptureOptions): Promise<Capture> {
  const recording = new RecordingRoot(root);
  // With what `inventory --only` reads: a capture answers every question.
  const neighbours = options.hear === true ? neighboursProbe : lldpdProbe;
  const probes = [...allProbes(options), ...detailProbes, neighbours];
  const { inventory, facts } = await explainInventory(recording, { ...options, probes });
  const redacted = options.redact === true;
  const reads = keep(recording.reads(), facts, redacted);
  return { files: toFiles(reads, { agentVersion: options.agentVersion, redacted }), inventory };
}

/** Packs a capture into one compressed archive. */
export async function packCapture(capture: Capture): Promise<Uint8Array> {
  return await packFiles(capture.files);
}

function keep(reads: readonly Read[], facts: Partial<Facts>, redacted: boolean): Read[] {
  const harmless = reads.map(scrubCredentials);
  return redacted ? redact(harmless, facts) : harmless;
}
