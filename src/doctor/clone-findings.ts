// Findings about clones: another machine known to the server has this one's machine-id.
import type { Clock } from '../core/clock.ts';
import type { Identity } from '../model/inventory.ts';
import { withDeadline } from '../core/deadline.ts';
import { ask } from './ask-server.ts';
import { fail, type Finding } from './finding.ts';

interface Limits {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly zone?: string | undefined;
}

/** Warns of a machine-id that another machine has too: it was copied with a disk. Finds nothing on a
 *  server that lists its machines only to token holders. */
export async function cloneFindings(
  url: URL,
  identity: Identity,
  { clock, timeoutMs, signal, zone }: Limits,
): Promise<Finding[]> {
  if (identity.machine_id === null) return [];
  try {
    const others = await withDeadline(clock, timeoutMs, signal, (limit) =>
      findMachines(url, identity.machine_id ?? '', limit, zone),
    );
    const clone = others.find(
      (other) => !other.macs.some((mac) => identity.all_macs.includes(mac)),
    );
    if (clone === undefined) return [];
    const text = `${clone.name} (${clone.macs.join(', ')}) has the same one: it was copied with a disk`;
    return [
      fail('machine-id', text, 'make a new one: rm /etc/machine-id; systemd-machine-id-setup'),
    ];
  } catch {
    signal.throwIfAborted();
    return [];
  }
}

/** Returns the machines with this machine-id. Throws if the server does not list its machines. */
async function findMachines(
  url: URL,
  machineId: string,
  signal: AbortSignal,
  zone: string | undefined,
): Promise<{ name: string; macs: string[] }[]> {
  const found: { name: string; macs: string[] }[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query = new URLSearchParams({ limit: '500', ...(cursor === '' ? {} : { cursor }) });
    const { body } = await ask(new URL(`/api/machines?${query.toString()}`, url), signal, zone);
    // A page of our own server; anything else throws on the way.
    const page: MachinePage = JSON.parse(body);
    for (const { identity, config } of page.machines) {
      if (identity.machine_id === machineId) {
        found.push({ name: config.memorable_name, macs: identity.all_macs });
      }
    }
    cursor = page.next_cursor;
  }
  return found;
}

/** The fields that matter in a page of GET /api/machines. */
interface MachinePage {
  machines: { identity: Identity; config: { memorable_name: string } }[];
  next_cursor: string | null;
}
