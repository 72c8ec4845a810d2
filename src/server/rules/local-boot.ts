// Machines that were sent to their own disk and come back from the network: counted, so that a disk which
// does not boot ends in the agent, where a person can look, and not in a loop. Pure.
import type { LocalBoot, Machine } from '../../model/machine.ts';

/** A machine back within this time did not start its system. */
const soonMs = 600_000;
/** No machine boots faster: it asked twice. */
const twiceMs = 5_000;
/** The count starts afresh after this time, or when an operator changes the machine. */
const forgottenMs = 3_600_000;
/** This many returns in a row keep the machine in the agent. */
export const mostReturns = 2;

/** The count after the machine asked for its boot script (`bootId` null), or checked in from the image as
 *  another boot, at `now`. The same count when that is no return. */
export function cameBack(
  before: LocalBoot | undefined,
  bootId: string | null,
  now: Date,
): LocalBoot | undefined {
  if (before === undefined) return undefined;
  const awayMs = since(before, now);
  if (awayMs >= forgottenMs) return undefined;
  if (before.returns >= mostReturns || awayMs < twiceMs) return before;
  if (bootId !== null && bootId === before.boot_id) return before;
  return { ...before, boot_id: bootId, returns: awayMs < soonMs ? before.returns + 1 : 0 };
}

/** The count when the machine is sent to its disk at `now`: by its boot script, or by the answer to a
 *  check-in of the boot `bootId`. */
export function sentToDisk(
  before: LocalBoot | undefined,
  bootId: string | null,
  now: Date,
): LocalBoot {
  const isForgotten = before === undefined || since(before, now) >= forgottenMs;
  return { at: now.toISOString(), returns: isForgotten ? 0 : before.returns, boot_id: bootId };
}

/** A time in the future is as old as the clock was set back. Units: milliseconds. */
function since({ at }: LocalBoot, now: Date): number {
  return Math.abs(now.getTime() - Date.parse(at));
}

/** True if the machine came back so often that it is kept in the agent. */
export function keepsComingBack(count: LocalBoot | undefined, now: Date): boolean {
  if (count === undefined || count.returns < mostReturns) return false;
  return since(count, now) < forgottenMs;
}

/** When a machine that is kept so gets its second chance; undefined for any other. */
export function forgottenAt(count: LocalBoot | undefined, now: Date): Date | undefined {
  if (count === undefined || !keepsComingBack(count, now)) return undefined;
  return new Date(Date.parse(count.at) + forgottenMs);
}

/** The same machine without its count. */
export function forgiven(machine: Machine): Machine {
  const { local_boot: _count, ...rest } = machine;
  return rest;
}
