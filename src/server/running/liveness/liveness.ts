// The liveness of machines, kept in memory from check-ins and heartbeats and published as events. A heartbeat
// alone writes nothing durable. Only checkedIn and beat change what is known of a machine. The rules about its
// boots are in heard.ts.
//
// Other servers of the store tell what they heard (`hearElsewhere`), which counts as if it were heard here. Two
// boots that are heard in turns, each at a server of its own, are two machines: the one that proved to hold
// the machine's token keeps it, else the one whose claim was contested before, else the older one.
//
// The liveness of a machine by its silence is in recency.ts.
import type { Clock } from '../../../core/clock.ts';
import type { LivenessName } from '../../../model/api/agent.ts';
import type { MachineStateName } from '../../../model/machine.ts';
import type { HeardMachine } from '../../../model/presence.ts';
import type { Events } from '../events.ts';
import { believe, standing, wordOf } from './elsewhere.ts';
import { arrive, differ, isBefore, speak, unheard, type Heard } from './heard.ts';
import { LastSeen } from './last-seen.ts';
import { Pace, rhythmOf, type LivenessPolicy } from './pace.ts';
import { Recency } from './recency.ts';
import { StockClaims } from './stock-claims.ts';
import type { Beat, Boot, Claim, Presence, Proof } from './presence.ts';

/** For this many intervals after a start, silence means nothing: machines need time to be heard again. */
const graceIntervals = 3;
/** The tolerance between the server's and a machine's idea of "before": transit, rounding. */
const slackMs = 2000;

interface Arrival {
  readonly isWritten: boolean;
  readonly isHolder: boolean;
  readonly address?: string | null;
}

export class Liveness {
  /** Whose last_seen has to be written. */
  readonly lastSeen = new LastSeen();
  /** Who claims the machines whose agents send no boot_id. */
  readonly stock: StockClaims;
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #pace: Pace;
  readonly #recency: Recency;
  readonly #startedMs: number;
  readonly #heard = new Map<string, Heard>();
  readonly #elsewhere = new Set<string>();

  constructor(clock: Clock, events: Events, random: () => number, policy: LivenessPolicy) {
    this.#clock = clock;
    this.stock = new StockClaims(clock);
    this.#events = events;
    this.#pace = new Pace(policy, random);
    this.#recency = new Recency(clock);
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
    if (machine === undefined || this.#recency.of(machine) !== 'online') return 'unopposed';
    if (machine.bootId === bootId) return 'same boot';
    if (by === 'beating' && !machine.isBeating) return 'unopposed';
    if (bootId === null || uptimeSeconds === null) return 'unknown';
    const startedMs = this.#clock.elapsedMs() - uptimeSeconds * 1000;
    if (startedMs + slackMs <= machine.seenMs) return 'second machine';
    return machine.isContested ? 'unknown' : 'reboot';
  }

  /** From now on this boot speaks for the machine. Returns when its first heartbeat is due, in seconds.
   *  `isWritten`: the store has that the machine was seen now. `isHolder`: it came with the token that the
   *  machine proved to hold, so no boot before it can take the machine back. `address`: where it came from without
   *  a token. */
  checkedIn(
    machineId: string,
    boot: Boot,
    state: MachineStateName,
    { isWritten, isHolder, address = null }: Arrival,
  ): number {
    const silentMs = this.#silentMs(machineId);
    const machine = this.#heard.get(machineId) ?? this.#unheard(machineId, state);
    this.#hear(machine, state);
    arrive(machine, boot, isHolder);
    machine.address = address ?? machine.address;
    if (isWritten) this.lastSeen.delete(machineId);
    const seconds = this.nextIntervalSeconds(machineId);
    if (machine.bootId === null && !machine.isBeating) machine.intervalMs = rhythmOf(silentMs);
    return seconds;
  }

  /** The machine, where a beat of this boot is sure to be heard: it is the one that speaks for the machine, and comes
   *  back from no other. */
  expecting(machineId: string, boot: Boot): Readonly<Heard> | undefined {
    const { boot_id: bootId = null, identity_hash: identityHash = null } = boot;
    const machine = this.#heard.get(machineId);
    if (machine === undefined || machine.bootId !== bootId) return undefined;
    if (isBefore(machine, bootId) || differ(machine.identityHash, identityHash)) return undefined;
    return machine;
  }

  /** Takes a heartbeat of the boot that the machine was `expecting`. Returns when the next one is due, in seconds. */
  beatExpected(machine: Heard, state: MachineStateName, tokenId: string | null): number {
    this.#hear(machine, state);
    this.#beats(machine, tokenId);
    return this.#nextIntervalSeconds(machine);
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
    const isOther = known !== undefined && known.bootId !== bootId;
    const isBack = known !== undefined && (isBefore(known, bootId) || (isHolder && isOther));
    if (known !== undefined) {
      if (isOther && !isBack && known.isBeating && this.#recency.of(known) === 'online')
        return 'other boot';
      if (differ(known.identityHash, identityHash)) return 'other identity';
    }
    const machine = known ?? this.#unheard(machineId, state);
    this.#hear(machine, state);
    speak(machine, bootId, { isBack, isHolder });
    this.#beats(machine, tokenId);
    return isBack ? 'taken back' : 'heard';
  }

  /** Another server heard the machine. Returns the boot that gave way where two boots turn out to live: it is
   *  refused from now on. */
  hearElsewhere(theirs: HeardMachine): { readonly gaveWay: string | null } | undefined {
    const { machine_id: machineId, silent_ms: silentMs, held_ms: heldMs } = theirs;
    const nowMs = this.#clock.elapsedMs();
    const word = { theirs, seenMs: nowMs - silentMs, sinceMs: nowMs - heldMs };
    const ours = this.#heard.get(machineId);
    const isOnline = ours !== undefined && this.#recency.of(ours) === 'online';
    const stands = standing(ours, word, isOnline);
    if (ours !== undefined && stands === 'ours stays') ours.isContested = ours.isBeating = true;
    if (stands === 'ours stays' || stands === 'ignored') return undefined;
    const gaveWay = ours?.bootId ?? null;
    const machine = ours ?? this.#unheard(machineId, theirs.state);
    believe(machine, word, stands === 'ours gives way');
    machine.seenAt = new Date(this.#clock.now().getTime() - silentMs);
    this.#elsewhere.add(machineId);
    this.lastSeen.delete(machineId);
    this.#publish(machine, this.#recency.of(machine));
    return stands === 'ours gives way' ? { gaveWay } : undefined;
  }

  /** The agent of the machine is told what to do, as its record was in this state. */
  told(machineId: string, state: MachineStateName): void {
    const machine = this.#heard.get(machineId);
    if (machine !== undefined) machine.state = state;
  }

  /** No check-in can be taken now, so that a machine which only checks in cannot be heard. */
  deafen(): void {
    this.#recency.deafen();
  }

  /** The other servers have told what they heard up to now. */
  heardFromOthers(): void {
    this.#recency.heardFromOthers();
  }

  /** The machines that this server heard in the last so many milliseconds, as it tells other servers. */
  heardHere(withinMs: number): HeardMachine[] {
    const nowMs = this.#clock.elapsedMs();
    return [...this.#heard.values()]
      .filter(({ isElsewhere, seenMs }) => !isElsewhere && nowMs - seenMs <= withinMs)
      .map((machine) => wordOf(machine, nowMs));
  }

  /** The id of the token that the machine proves to hold. `before`, which its record names, gives way to
   *  another token when nobody was heard with it for so long that it would be gone. */
  holderOf(machineId: string, before: string | undefined): string | undefined {
    const machine = this.#heard.get(machineId);
    if (machine === undefined || machine.tokenId === null) return before;
    const isHeld = before === undefined || this.#recency.isHeldLong(machine);
    return isHeld ? machine.tokenId : before;
  }

  /** The interval until a machine's next heartbeat, by the size of the fleet and with some jitter. */
  nextIntervalSeconds(machineId: string): number {
    return this.#nextIntervalSeconds(this.#heard.get(machineId));
  }

  #nextIntervalSeconds(machine: Heard | undefined): number {
    const intervalMs = this.#pace.nextMs(this.#size);
    if (machine !== undefined) machine.intervalMs = intervalMs;
    return Math.round(intervalMs / 100) / 10;
  }

  /** The liveness of a machine; null if it is not known yet: never heard, or the server just started.
   *  `wasSeen`: its record says when it was heard. */
  of(machineId: string, wasSeen: boolean): LivenessName | null {
    const machine = this.#heard.get(machineId);
    if (machine !== undefined) return this.#recency.of(machine);
    if (!wasSeen) return null;
    const runningMs = this.#clock.elapsedMs() - this.#startedMs;
    return runningMs < graceIntervals * this.#pace.intervalMs(this.#size) ? null : 'gone';
  }

  /** The time after which a silent machine is late. At least 1. */
  secondsUntilLate(machineId: string): number {
    const machine = this.#heard.get(machineId);
    if (machine === undefined) return 1;
    return Math.max(1, this.#recency.untilLateMs(machine) / 1000);
  }

  /** Publishes who became late or gone. Forgets the gone whose last_seen is written, and returns their
   *  ids. */
  sweep(): readonly string[] {
    const forgotten: string[] = [];
    for (const [id, machine] of this.#heard) {
      const liveness = this.#recency.of(machine);
      this.#publish(machine, liveness);
      if (liveness !== 'gone' || this.lastSeen.has(id)) continue;
      this.#heard.delete(id);
      this.#elsewhere.delete(id);
      this.stock.forget(id);
      forgotten.push(id);
    }
    return forgotten;
  }

  forget(machineId: string): void {
    this.#heard.delete(machineId);
    this.#elsewhere.delete(machineId);
    this.stock.forget(machineId);
    this.lastSeen.delete(machineId);
  }

  /** The machines that this server heard last, in this run, with their liveness. */
  *all(): Iterable<readonly [Presence, LivenessName]> {
    for (const machine of this.#heard.values()) {
      if (!machine.isElsewhere) yield [machine, this.#recency.of(machine)];
    }
  }

  get #size(): number {
    return this.#heard.size - this.#elsewhere.size;
  }

  #hear(machine: Heard, state: MachineStateName): void {
    machine.state = state;
    machine.seenMs = this.#clock.elapsedMs();
    machine.seenAt = this.#clock.now();
    if (machine.isElsewhere) {
      machine.isElsewhere = false;
      this.#elsewhere.delete(machine.machineId);
    }
    this.lastSeen.add(machine);
    this.#publish(machine, 'online');
  }

  /** Notes a heartbeat of the machine that was just heard. */
  #beats(machine: Heard, tokenId: string | null): void {
    if (machine.tokenId !== tokenId) {
      machine.tokenId = tokenId;
      machine.tokenSinceMs = machine.seenMs;
    }
    machine.isBeating = true;
  }

  #unheard(machineId: string, state: MachineStateName): Heard {
    const intervalMs = this.#pace.intervalMs(this.#size);
    const machine = unheard({ machineId, state, intervalMs }, this.#clock);
    this.#heard.set(machineId, machine);
    return machine;
  }

  /** Since the machine was last heard; undefined when it never was, or is gone. */
  #silentMs(machineId: string): number | undefined {
    const machine = this.#heard.get(machineId);
    if (machine === undefined || this.#recency.of(machine) === 'gone') return undefined;
    return this.#recency.silentMs(machine);
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
