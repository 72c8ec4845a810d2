// Agents without a token, where --stock-agents lets them in. Their calls after the check-in carry no MAC, so
// they count as the machine's whose check-in came from the same address.
import type { CheckinRequest } from '../../model/api/agent.ts';
import type { Machine } from '../../model/machine.ts';

interface Caller {
  readonly address: string;
  /** The workflow during which the machine showed other disks than its record had; null: none. */
  readonly doubted: string | null;
}

/** The most machines whose callers are remembered; the oldest goes first. */
const mostCallers = 100_000;

export class StockAgents {
  readonly #callers = new Map<string, Caller>();

  /** A machine checked in from an address. `before`: its record until then; undefined for a new one. */
  note(
    machineId: string,
    address: string,
    before: Machine | undefined,
    shown: CheckinRequest,
  ): void {
    const last = this.#callers.get(machineId)?.doubted ?? null;
    this.#callers.delete(machineId);
    if (this.#callers.size >= mostCallers) {
      for (const oldest of this.#callers.keys()) {
        this.#callers.delete(oldest);
        break;
      }
    }
    const workflow = before?.status.current_workflow ?? null;
    // By the next check-in the record has the disks that were shown now.
    const isDoubted = last === workflow || !agrees(before, shown);
    this.#callers.set(machineId, { address, doubted: isDoubted ? workflow : null });
  }

  /** True if the machine checked in from this address. */
  hasHeard(machineId: string, address: string): boolean {
    return this.#callers.get(machineId)?.address === address;
  }

  /** True if the machine's last check-in came from another address. After a restart of the server its record says
   *  where its agent was. */
  isElsewhere({ id, report }: Machine, address: string): boolean {
    return (this.#callers.get(id)?.address ?? report?.ip_address ?? address) !== address;
  }

  /** True if a caller at this address may see and report the workflow of the machine. After a restart of the
   *  server the record tells where its agent was. */
  mayWork({ id, report, status }: Machine, address: string): boolean {
    const isStock = (report?.boot_id ?? null) === null;
    const caller = this.#callers.get(id);
    if (caller === undefined) return isStock && report?.ip_address === address;
    const isDoubted = caller.doubted !== null && caller.doubted === status.current_workflow;
    return isStock && caller.address === address && !isDoubted;
  }
}

/** True if a check-in shows every disk of the record, by size and model: it has no serial numbers. It may list
 *  more, such as each path of a disk. */
function agrees(before: Machine | undefined, { disks = [] }: CheckinRequest): boolean {
  const known = before?.hardware.disks ?? [];
  return known.every(({ size_bytes, model }) =>
    disks.some(
      (disk) =>
        String(disk.size_bytes) === String(size_bytes) &&
        (model === null || (disk.model ?? model) === model),
    ),
  );
}
