// A machine as a server has it in memory while it is heard, and the rules about its boots.
//
// One boot at a time speaks for a machine:
//
//              checkedIn             beat
//   unheard ─────────────▶ arrived ────────▶ beating ──┐
//      │                      ▲               │ ▲ ▲    │ beat
//      │                      └───────────────┘ │ └────┘
//      │             checkedIn by another boot  │
//      └────────────────────────────────────────┘
//                          beat
//
//   Once another boot has arrived, a beat of the boot before, or one with the token that the machine proved
//   to hold, takes the machine back: it was no reboot but a second machine. From then on no boot is taken
//   for a reboot until the machine is late. A beat of any other boot is refused while the present one beats.
import type { Clock } from '../../../core/clock.ts';
import type { LivenessName } from '../../../model/api/agent.ts';
import type { MachineStateName } from '../../../model/machine.ts';
import type { Boot, Presence } from './presence.ts';

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
  address: string | null;
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
    address: null,
    tokenSinceMs: nowMs,
    identityHash: null,
    liveness: 'gone',
    isWaiting: false,
    seenMs: nowMs,
    sinceMs: nowMs,
    seenAt: clock.now(),
  };
}

/** A boot checked in, and speaks for the machine from now on, which was just heard. */
export function arrive(machine: Heard, boot: Boot, isHolder: boolean): void {
  const { boot_id: bootId = null, identity_hash: identityHash = null } = boot;
  if (machine.bootId !== bootId) {
    // A boot that never beat is nobody to come back.
    const sinceMs = sinceOf(machine, bootId);
    machine.previousSinceMs = machine.sinceMs;
    if (machine.isBeating) machine.previousBootId = machine.bootId;
    Object.assign(machine, { bootId, isBeating: false, isContested: false, isProven: false });
    machine.sinceMs = sinceMs;
  }
  if (isHolder) {
    machine.previousBootId = null;
    machine.isProven = true;
  }
  machine.identityHash = identityHash;
}

/** A boot sent a heartbeat that counts, and speaks for the machine, which was just heard. `isBack`: another boot had
 *  taken the machine from it. */
export function speak(
  machine: Heard,
  bootId: string | null,
  { isBack, isHolder }: { isBack: boolean; isHolder: boolean },
): void {
  machine.sinceMs = sinceOf(machine, bootId);
  if (isBack) {
    machine.previousBootId = null;
    machine.isContested = true;
  }
  if (isHolder) machine.isProven = true;
  else if (machine.bootId !== bootId) machine.isProven = false;
  machine.bootId = bootId;
}

/** True of the boot before the one that speaks for the machine. */
export function isBefore(machine: Heard, bootId: string | null): boolean {
  return bootId !== null && machine.previousBootId === bootId;
}

/** Since when a boot that is heard now speaks for the machine. */
function sinceOf(machine: Heard, bootId: string | null): number {
  if (machine.bootId === bootId) return machine.sinceMs;
  return isBefore(machine, bootId) ? machine.previousSinceMs : machine.seenMs;
}

/** True if both are known and not the same. */
export function differ(before: string | null, now: string | null): boolean {
  return before !== null && now !== null && before !== now;
}
