// The liveness of machines, kept in memory from check-ins and heartbeats and published as events. A heartbeat
// alone writes nothing durable. Only checkedIn and beat change what is known of a machine.
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
//
// A machine is as alive as it is recent:
//
//   online ── 1.5 intervals ──▶ late ── 10 intervals ──▶ gone ── last_seen written ──▶ unheard
//      ▲                          │                        │
//      └──── checkedIn or beat ───┴────────────────────────┘
import type { Clock } from '../../core/clock.ts';
import type { LivenessName } from '../../model/api.ts';
import type { MachineStateName } from '../../model/machine.ts';
import type { Events } from './events.ts';
import { LastSeen } from './last-seen.ts';
import { Pace, rhythmOf, type LivenessPolicy } from './pace.ts';
import { StockClaims } from './stock-claims.ts';
import type { Beat, Boot, Claim, Presence, Proof } from './presence.ts';

/** A machine is late, and then gone, after this many of its intervals in silence. */
const lateAfter = 1.5;
const goneAfter = 10;
/** For this many intervals after a start, silence means nothing: machines need time to be heard again. */
const graceIntervals = 3;
/** The tolerance between the server's and a machine's idea of "before": transit, rounding. */
const slackMs = 2000;

interface Heard extends Presence {
  bootId: string | null;
  /** The boot before, which may turn out to be another live machine. */
  previousBootId: string | null;
  /** True if this boot sent a heartbeat. A single check-in contests nobody's identity. */
  isBeating: boolean;
  /** True if it was taken back from another boot. */
  isContested: boolean;
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
}

export class Liveness {
  /** Whose last_seen has to be written. */
  readonly lastSeen = new LastSeen();
  /** Who claims the machines whose agents send no boot_id. */
  readonly stock: StockClaims;
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #pace: Pace;
  readonly #startedMs: number;
  readonly #heard = new Map<string, Heard>();

  constructor(clock: Clock, events: Events, random: () => number, policy: LivenessPolicy) {
    this.#clock = clock;
    this.stock = new StockClaims(clock);
    this.#events = events;
    this.#pace = new Pace(policy, random);
    this.#startedMs = clock.elapsedMs();
  }

  /** The machine, where it was heard in this run of the server. */
  get(machineId: string): Presence | undefined {
    return this.#heard.get(machineId);
  }

  /** Compares a boot that wants to speak for a machine with the one that was heard last. `by`: what the
   *  latter must have done to oppose it. */
  claims(machineId: string, boot: Boot, by: 'heard' | 'beating'): Claim {
    const { boot_id: bootId = null, uptime_seconds: uptimeSeconds = null } = boot;
    const machine = this.#heard.get(machineId);
    if (machine === undefined || this.#judge(machine) !== 'online') return 'unopposed';
    if (machine.bootId === bootId) return 'same boot';
    if (by === 'beating' && !machine.isBeating) return 'unopposed';
    if (bootId === null || uptimeSeconds === null) return 'unknown';
    const startedMs = this.#clock.elapsedMs() - uptimeSeconds * 1000;
    if (startedMs + slackMs <= machine.seenMs) return 'second machine';
    return machine.isContested ? 'unknown' : 'reboot';
  }

  /** From now on this boot speaks for the machine. Returns when its first heartbeat is due, in seconds.
   *  `isWritten`: the store has that the machine was seen now. `isHolder`: it came with the token that the
   *  machine proved to hold, so no boot before it can take the machine back. */
  checkedIn(
    machineId: string,
    boot: Boot,
    state: MachineStateName,
    { isWritten, isHolder }: { isWritten: boolean; isHolder: boolean },
  ): number {
    const { boot_id: bootId = null, identity_hash: identityHash = null } = boot;
    const silentMs = this.#silentMs(machineId);
    const machine = this.#hear(machineId, state);
    if (machine.bootId !== bootId) {
      // A boot that never beat is nobody to come back.
      if (machine.isBeating) machine.previousBootId = machine.bootId;
      machine.bootId = bootId;
      machine.isBeating = false;
      machine.isContested = false;
    }
    if (isHolder) machine.previousBootId = null;
    machine.identityHash = identityHash;
    if (isWritten) this.lastSeen.delete(machineId);
    const seconds = this.nextIntervalSeconds(machineId);
    if (bootId === null && !machine.isBeating) machine.intervalMs = rhythmOf(silentMs);
    return seconds;
  }

  /** Takes a heartbeat, unless it is none of the boot that speaks for the machine. */
  beat(
    machineId: string,
    boot: Boot,
    state: MachineStateName,
    { tokenId, isHolder }: Proof = noProof,
  ): Beat {
    const { boot_id: bootId = null, identity_hash: identityHash = null } = boot;
    const known = this.#heard.get(machineId);
    const isBefore = bootId !== null && known?.previousBootId === bootId;
    const isBack = isBefore || (isHolder && known !== undefined && known.bootId !== bootId);
    if (known !== undefined) {
      const isOther = known.bootId !== bootId && !isBack;
      if (isOther && known.isBeating && this.#judge(known) === 'online') return 'other boot';
      if (differ(known.identityHash, identityHash)) return 'other identity';
    }
    const machine = this.#hear(machineId, state);
    if (isBack) {
      machine.previousBootId = null;
      machine.isContested = true;
    }
    if (machine.tokenId !== tokenId) {
      machine.tokenId = tokenId;
      machine.tokenSinceMs = machine.seenMs;
    }
    machine.bootId = bootId;
    machine.isBeating = true;
    return isBack ? 'taken back' : 'heard';
  }

  /** The id of the token that the machine proves to hold. `before`, which its record names, gives way to
   *  another token when nobody was heard with it for so long that it would be gone. */
  holderOf(machineId: string, before: string | undefined): string | undefined {
    const machine = this.#heard.get(machineId);
    if (machine === undefined || machine.tokenId === null) return before;
    const heldMs = this.#clock.elapsedMs() - machine.tokenSinceMs;
    const isHeld = before === undefined || heldMs >= goneAfter * machine.intervalMs;
    return isHeld ? machine.tokenId : before;
  }

  /** The interval until a machine's next heartbeat, by the size of the fleet and with some jitter. */
  nextIntervalSeconds(machineId: string): number {
    const intervalMs = this.#pace.nextMs(this.#heard.size);
    const machine = this.#heard.get(machineId);
    if (machine !== undefined) machine.intervalMs = intervalMs;
    return Math.round(intervalMs / 100) / 10;
  }

  /** The liveness of a machine; null if it is not known yet: never heard, or the server just started.
   *  `lastSeen` is that of its record. */
  of(machineId: string, lastSeen: string | null): LivenessName | null {
    const machine = this.#heard.get(machineId);
    if (machine !== undefined) return this.#judge(machine);
    if (lastSeen === null) return null;
    const runningMs = this.#clock.elapsedMs() - this.#startedMs;
    return runningMs < graceIntervals * this.#pace.intervalMs(this.#heard.size) ? null : 'gone';
  }

  /** When the machine would be late if it stayed silent. At least 1. */
  secondsUntilLate(machineId: string): number {
    const machine = this.#heard.get(machineId);
    if (machine === undefined) return 1;
    const silentMs = this.#clock.elapsedMs() - machine.seenMs;
    return Math.max(1, (lateAfter * machine.intervalMs - silentMs) / 1000);
  }

  /** Publishes who became late or gone. Forgets the gone whose last_seen is written, and returns their
   *  ids. */
  sweep(): readonly string[] {
    const forgotten: string[] = [];
    for (const [id, machine] of this.#heard) {
      const liveness = this.#judge(machine);
      this.#publish(machine, liveness);
      if (liveness !== 'gone' || this.lastSeen.has(id)) continue;
      this.#heard.delete(id);
      this.stock.forget(id);
      forgotten.push(id);
    }
    return forgotten;
  }

  forget(machineId: string): void {
    this.#heard.delete(machineId);
    this.stock.forget(machineId);
    this.lastSeen.delete(machineId);
  }

  /** The machines heard in this run of the server, with their liveness. */
  *all(): Iterable<readonly [Presence, LivenessName]> {
    for (const machine of this.#heard.values()) yield [machine, this.#judge(machine)];
  }

  #hear(machineId: string, state: MachineStateName): Heard {
    const now = { state, seenMs: this.#clock.elapsedMs(), seenAt: this.#clock.now() };
    let machine = this.#heard.get(machineId);
    if (machine === undefined) {
      machine = {
        machineId,
        bootId: null,
        previousBootId: null,
        isBeating: false,
        isContested: false,
        tokenId: null,
        tokenSinceMs: now.seenMs,
        identityHash: null,
        intervalMs: this.#pace.intervalMs(this.#heard.size),
        liveness: 'gone',
        ...now,
      };
      this.#heard.set(machineId, machine);
    } else {
      Object.assign(machine, now);
    }
    this.lastSeen.add(machine);
    this.#publish(machine, 'online');
    return machine;
  }

  /** Since the machine was last heard; undefined when it never was, or is gone. */
  #silentMs(machineId: string): number | undefined {
    const machine = this.#heard.get(machineId);
    if (machine === undefined || this.#judge(machine) === 'gone') return undefined;
    return this.#clock.elapsedMs() - machine.seenMs;
  }

  #judge(machine: Heard): LivenessName {
    const silent = (this.#clock.elapsedMs() - machine.seenMs) / machine.intervalMs;
    if (silent >= goneAfter) return 'gone';
    return silent >= lateAfter ? 'late' : 'online';
  }

  /** Publishes a machine's liveness if it changed. */
  #publish(machine: Heard, liveness: LivenessName): void {
    if (machine.liveness === liveness) return;
    machine.liveness = liveness;
    this.#events.publish('machine.liveness', {
      machine_id: machine.machineId,
      liveness,
      last_seen: machine.seenAt.toISOString(),
    });
  }
}

const noProof: Proof = { tokenId: null, isHolder: false };

function differ(before: string | null, now: string | null): boolean {
  return before !== null && now !== null && before !== now;
}
