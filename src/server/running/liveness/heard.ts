// A machine as a server has it in memory while it is heard, and the rules about its boots.
import type { Clock } from '../../../core/clock.ts';
import type { LivenessName } from '../../../model/api/agent.ts';
import type { MachineStateName } from '../../../model/machine.ts';
import type { Presence } from './presence.ts';

export interface Heard extends Presence {
  bootId: string | null;
  /** The boot before, which may turn out to be another live machine. */
  previousBootId: string | null;
  /** Since when that one spoke for it. */
  previousSinceMs: number;
  /** True if this boot sent a heartbeat. A single check-in contests nobody's identity. */
  isBeating: boolean;
  /** True if it was taken back from another boot, or kept against one. */
  isContested: boolean;
  /** True if this boot has the token that the machine proved to hold. */
  isProven: boolean;
  /** Since when this boot speaks for it, on the monotonic clock. */
  sinceMs: number;
  /** True if another server heard it last. */
  isElsewhere: boolean;
  tokenId: string | null;
  /** Since when it is heard with that token alone, on the monotonic clock. */
  tokenSinceMs: number;
  identityHash: string | null;
  state: MachineStateName;
  /** On the monotonic clock. */
  seenMs: number;
  seenAt: Date;
  intervalMs: number;
  /** As last published. */
  liveness: LivenessName;
  /** True if its last_seen has to be written: see last-seen.ts. */
  isWaiting: boolean;
}

/** A machine that is about to be heard for the first time. */
export function unheard(
  machine: Pick<Heard, 'machineId' | 'state' | 'intervalMs'>,
  clock: Clock,
): Heard {
  const nowMs = clock.elapsedMs();
  return {
    ...machine,
    bootId: null,
    previousBootId: null,
    previousSinceMs: nowMs,
    isBeating: false,
    isContested: false,
    isProven: false,
    isElsewhere: false,
    tokenId: null,
    tokenSinceMs: nowMs,
    identityHash: null,
    liveness: 'gone',
    isWaiting: false,
    seenMs: nowMs,
    sinceMs: nowMs,
    seenAt: clock.now(),
  };
}

/** Since when a boot that is heard now speaks for the machine. */
export function sinceOf(machine: Heard, bootId: string | null): number {
  if (machine.bootId === bootId) return machine.sinceMs;
  const isBack = bootId !== null && machine.previousBootId === bootId;
  return isBack ? machine.previousSinceMs : machine.seenMs;
}

/** True if both are known and not the same. */
export function differ(before: string | null, now: string | null): boolean {
  return before !== null && now !== null && before !== now;
}
