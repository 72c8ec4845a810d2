// The boot that the agent lives in: its id, its age, and the sequence that numbers what the agent says
// within it, so that a repeated request is answered the same and done once.
import type { Clock } from '../core/clock.ts';
import type { Root } from '../sources/root.ts';

/** A small text that outlives the agent's process: a file, which this folder may not open itself. */
export interface Notebook {
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

export interface Boot {
  readonly id: string;
  uptimeMs(): number;
  /** The next number. It is noted down before this resolves. */
  nextSequence(): Promise<number>;
}

/** Reads which boot this is; a captured machine has none, so each process that speaks for it is a boot
 *  of its own, with an id from `newId`. Without a notebook the sequence goes on from the machine's uptime in
 *  hundredths of a second instead of from the last number: larger than any before it within the boot,
 *  since no agent sends a hundred requests a second.
 *  Source: /proc/sys/kernel/random/boot_id, /proc/uptime. */
export async function openBoot(
  root: Root | undefined,
  clock: Clock,
  newId: () => Promise<string>,
  notebook?: Notebook,
): Promise<Boot> {
  const openedMs = clock.elapsedMs();
  const found = root && (await readBootId(root));
  const uptimeMs = root && found !== undefined ? await readUptimeMs(root) : 0;
  const id = found ?? (await newId());
  let last = (await recall(id, notebook)) ?? (notebook ? 0 : Math.floor(uptimeMs / 10));
  return {
    id,
    uptimeMs: () => uptimeMs + clock.elapsedMs() - openedMs,
    async nextSequence() {
      last += 1;
      // A full disk costs the numbering after a restart of the agent, not the request.
      await notebook?.write(JSON.stringify({ boot_id: id, sequence: last })).catch(() => {});
      return last;
    },
  };
}

async function readBootId(root: Root): Promise<string | undefined> {
  const text = await root.text('/proc/sys/kernel/random/boot_id').catch(() => undefined);
  const id = text?.trim();
  return id !== undefined && /^[0-9a-f-]{36}$/.test(id) ? id : undefined;
}

async function readUptimeMs(root: Root): Promise<number> {
  const text = await root.text('/proc/uptime').catch(() => undefined);
  const seconds = Number.parseFloat(text ?? '');
  return Number.isFinite(seconds) ? seconds * 1_000 : 0;
}

/** The last number of this boot, if the notebook has it. */
async function recall(id: string, notebook: Notebook | undefined): Promise<number | undefined> {
  const text = await notebook?.read();
  try {
    const noted: unknown = JSON.parse(text ?? '');
    if (typeof noted !== 'object' || noted === null) return undefined;
    const { boot_id: bootId, sequence } = { boot_id: undefined, sequence: undefined, ...noted };
    return bootId === id && Number.isSafeInteger(sequence) ? Number(sequence) : undefined;
  } catch {
    return undefined;
  }
}
