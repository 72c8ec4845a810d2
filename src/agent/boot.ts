// The boot that the agent runs in: its id, its age, and the sequence that numbers its requests, so that a
// repeated request is answered the same and acted on once.
import type { Clock } from '../core/clock.ts';
import type { Root } from '../sources/root.ts';

/** A small text that outlives the agent's process: a file that this folder must not open itself. */
export interface Notebook {
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

export interface Boot {
  readonly id: string;
  uptimeMs(): number;
  /** Returns the next number, once it is noted down. */
  nextSequence(): Promise<number>;
}

/** Reads the id of this boot. A captured machine has none, so each process that speaks for it counts as a
 *  boot, with an id from `newId`. Without a notebook the sequence continues from the uptime in hundredths of
 *  a second. That exceeds every number before it in this boot, as no agent sends 100 requests a second.
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
      // A full disk affects the numbering after a restart of the agent, not this request.
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

/** Returns the last number of this boot, if the notebook has it. */
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
