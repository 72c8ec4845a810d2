// Makes a capture: takes the inventory of a host and keeps every read that it took.
import type { Facts, Inventory } from '../model/inventory.ts';
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
}

export interface Capture {
  /** The text files of the capture by their names. */
  files: Map<string, string>;
  /** What the agent found while it was recorded. */
  inventory: Inventory;
}

/** Captures a host: this one, or one that is a capture itself. Credentials are never kept.
 *  Errors: AppError `internal.bug` when something that should be redacted would remain. */
export async function captureHost(root: Root, options: CaptureOptions): Promise<Capture> {
  const recording = new RecordingRoot(root);
  const { inventory, facts } = await explainInventory(recording, options);
  const redacted = options.redact === true;
  const reads = keep(recording.reads(), facts, redacted);
  return { files: toFiles(reads, { agentVersion: options.agentVersion, redacted }), inventory };
}

/** The same as one compressed archive. */
export async function packCapture(capture: Capture): Promise<Uint8Array> {
  return await packFiles(capture.files);
}

function keep(reads: readonly Read[], facts: Partial<Facts>, redacted: boolean): Read[] {
  const harmless = reads.map(scrubCredentials);
  return redacted ? redact(harmless, facts) : harmless;
}
