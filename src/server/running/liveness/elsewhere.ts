// Machines that several servers hear: the words in which servers tell each other, and the rules by which all of
// them come to the same view.
import type { HeardMachine } from '../../../model/presence.ts';
import type { Heard } from './heard.ts';

/** The longest that another server's word may take to arrive: what it tells may be earlier by so much. */
export const wordMs = 4000;

/** A word of another server, with its durations brought onto this server's monotonic clock. */
export interface Word {
  readonly theirs: HeardMachine;
  readonly seenMs: number;
  readonly sinceMs: number;
}

/** A word beside what this server heard itself. */
export type Standing =
  /** Nothing new, or nothing that may be believed yet. */
  | 'ignored'
  | 'believed'
  /** Two boots live, and ours keeps the machine. */
  | 'ours stays'
  /** Two boots live, and theirs keeps the machine. */
  | 'ours gives way';

/** `isOnline`: ours was heard of late. */
export function standing(ours: Heard | undefined, word: Word, isOnline: boolean): Standing {
  if (ours === undefined) return 'believed';
  const { theirs, seenMs, sinceMs } = word;
  const isRival = !ours.isElsewhere && ours.bootId !== theirs.boot_id;
  // No boot is heard after another one of its machine began.
  const overlapMs = Math.min(seenMs - ours.sinceMs, ours.seenMs - sinceMs);
  if (isRival && overlapMs > wordMs) {
    return isOurs(ours, theirs, sinceMs) ? 'ours stays' : 'ours gives way';
  }
  // Another boot that began before ours fell silent: a reboot, or a second machine, which shows.
  const isEarly = isRival && sinceMs < ours.seenMs && isOnline;
  return isEarly || ours.seenMs >= seenMs ? 'ignored' : 'believed';
}

/** Takes another server's word for a machine. */
export function believe(machine: Heard, { theirs, seenMs, sinceMs }: Word, areTwo: boolean): void {
  const isOther = machine.bootId !== theirs.boot_id;
  Object.assign(machine, {
    bootId: theirs.boot_id,
    tokenId: theirs.token_id,
    tokenSinceMs: machine.tokenId === theirs.token_id ? machine.tokenSinceMs : sinceMs,
    previousBootId: isOther && !areTwo && machine.isBeating ? machine.bootId : null,
    previousSinceMs: machine.sinceMs,
    identityHash: isOther ? null : machine.identityHash,
    isBeating: areTwo || theirs.is_beating,
    isContested: areTwo || theirs.is_contested,
    isProven: theirs.is_proven,
    isElsewhere: true,
    state: theirs.state,
    intervalMs: theirs.interval_ms,
    seenMs,
    sinceMs,
  });
}

/** A machine as this server tells the others of it. */
export function wordOf(machine: Heard, nowMs: number): HeardMachine {
  return {
    machine_id: machine.machineId,
    boot_id: machine.bootId,
    token_id: machine.tokenId,
    state: machine.state,
    silent_ms: nowMs - machine.seenMs,
    held_ms: nowMs - machine.sinceMs,
    interval_ms: machine.intervalMs,
    is_beating: machine.isBeating,
    is_contested: machine.isContested,
    is_proven: machine.isProven,
  };
}

/** True if ours keeps the machine, of two live boots. Every server has to come to the same answer, although their
 *  measures of time differ by what a word takes. */
function isOurs(ours: Heard, theirs: HeardMachine, theirSinceMs: number): boolean {
  if (ours.isProven !== theirs.is_proven) return ours.isProven;
  if (ours.isContested !== theirs.is_contested) return ours.isContested;
  const youngerMs = theirSinceMs - ours.sinceMs;
  if (!ours.isContested && Math.abs(youngerMs) > wordMs) return youngerMs > 0;
  return (ours.bootId ?? '') < (theirs.boot_id ?? '');
}
