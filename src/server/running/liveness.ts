// Who is alive: kept in memory from heartbeats, published as events, written to the store in batches.
// A heartbeat by itself writes nothing durable.
import type { Clock } from '../../core/clock.ts';
import type { LivenessName } from '../../model/api.ts';
import type { MachineStateName } from '../../model/machine.ts';
import type { Decision } from '../rules/decide.ts';
import type { Events } from './events.ts';

/** How many of its intervals a machine is silent when it is late, and when it is gone. */
const lateAfter = 1.5;
const goneAfter = 10;
/** For so many intervals after a start, silence says nothing: everybody needs time to be heard again. */
const graceIntervals = 3;

export interface LivenessPolicy {
  /** The shortest interval, which a small fleet gets. */
  readonly intervalSeconds: number;
  /** The rate of heartbeats that the fleet may cause; beyond it the interval grows with the fleet. */
  readonly maxBeatsPerSecond: number;
}

/** What is known of a machine that was heard in this run of the server. */
export interface Presence {
  readonly machineId: string;
  /** Of the boot that speaks for the machine; undefined where the agent sends none. */
  bootId: string | undefined;
  /** Of the boot before, in case that it turns out to be another machine, alive. */
  previousBootId: string | undefined;
  /** When it was last heard: on the monotonic clock, and on the wall clock. */
  seenMs: number;
  seenAt: Date;
  intervalMs: number;
  liveness: LivenessName;
  /** Whether this boot sent a heartbeat: a single check-in contests nobody's identity. */
  beating: boolean;
  /** The hash that the agent reported at check-in. */
  identityHash: string | undefined;
  /** What the record says that the agent is to do; undefined when the record changed since. */
  decision: Decision | undefined;
  /** The state at the last decision. */
  state: MachineStateName | undefined;
}

export const defaultLiveness: LivenessPolicy = { intervalSeconds: 10, maxBeatsPerSecond: 500 };

export class Liveness {
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #random: () => number;
  readonly #policy: LivenessPolicy;
  readonly #startedMs: number;
  #changes = 0;
  readonly #present = new Map<string, Presence>();
  /** Whose last_seen in the store is old, the longest waiting first. */
  readonly #unwritten = new Set<string>();

  constructor(clock: Clock, events: Events, random: () => number, policy: LivenessPolicy) {
    this.#clock = clock;
    this.#events = events;
    this.#random = random;
    this.#policy = policy;
    this.#startedMs = clock.elapsedMs();
  }

  get(machineId: string): Presence | undefined {
    return this.#present.get(machineId);
  }

  /** Notes that a machine was heard, and gives what is known of it. */
  heard(machineId: string): Presence {
    const nowMs = this.#clock.elapsedMs();
    let presence = this.#present.get(machineId);
    if (presence === undefined) {
      presence = {
        machineId,
        bootId: undefined,
        previousBootId: undefined,
        seenMs: nowMs,
        seenAt: this.#clock.now(),
        intervalMs: this.#fleetIntervalMs(),
        liveness: 'gone',
        beating: false,
        identityHash: undefined,
        decision: undefined,
        state: undefined,
      };
      this.#present.set(machineId, presence);
    }
    presence.seenMs = nowMs;
    presence.seenAt = this.#clock.now();
    this.#unwritten.add(machineId);
    this.#publish(presence, 'online');
    return presence;
  }

  /** The interval for a machine's next heartbeat: by the size of the fleet, with ±10 % of jitter so
   *  that machines that were switched on together do not beat together. */
  nextIntervalSeconds(presence: Presence): number {
    const seconds = (this.#fleetIntervalMs() / 1000) * (0.9 + 0.2 * this.#random());
    presence.intervalMs = seconds * 1000;
    return Math.round(seconds * 10) / 10;
  }

  /** How alive a machine is; null while that cannot be told: never heard, or the server just started.
   *  `lastSeen` is what its record says. */
  of(machineId: string, lastSeen: string | null): LivenessName | null {
    const presence = this.#present.get(machineId);
    if (presence !== undefined) return this.#judge(presence);
    if (lastSeen === null) return null;
    const runningMs = this.#clock.elapsedMs() - this.#startedMs;
    return runningMs < graceIntervals * this.#fleetIntervalMs() ? null : 'gone';
  }

  /** Whether a boot of this machine is beating right now. */
  isBeating(machineId: string): boolean {
    const presence = this.#present.get(machineId);
    return presence !== undefined && presence.beating && this.#judge(presence) === 'online';
  }

  /** When the machine would be late if it stayed silent. */
  secondsUntilLate(presence: Presence): number {
    const silentMs = this.#clock.elapsedMs() - presence.seenMs;
    return Math.max(1, (lateAfter * presence.intervalMs - silentMs) / 1000);
  }

  /** Publishes who became late or gone, and forgets the gone whose last_seen is written. */
  sweep(): void {
    for (const presence of this.#present.values()) {
      const now = this.#judge(presence);
      if (now !== presence.liveness) this.#publish(presence, now);
      if (now === 'gone' && !this.#unwritten.has(presence.machineId)) {
        this.#present.delete(presence.machineId);
      }
    }
  }

  /** The record of this machine, or maybe of any, changed: the next heartbeat reads it again. */
  forgetDecision(machineId: string | undefined): void {
    this.#changes += 1;
    if (machineId === undefined) {
      for (const presence of this.#present.values()) presence.decision = undefined;
      return;
    }
    const presence = this.#present.get(machineId);
    if (presence !== undefined) presence.decision = undefined;
  }

  /** Counts changes: a decision that was read from a record is kept only if none came meanwhile. */
  get changes(): number {
    return this.#changes;
  }

  forget(machineId: string): void {
    this.#present.delete(machineId);
    this.#unwritten.delete(machineId);
  }

  /** The store has when this machine was last heard. */
  noteWritten(machineId: string): void {
    this.#unwritten.delete(machineId);
  }

  /** Takes up to `limit` machines whose last_seen has to be written. */
  takeUnwritten(limit: number): readonly Presence[] {
    const taken: Presence[] = [];
    for (const id of this.#unwritten) {
      if (taken.length >= limit) break;
      this.#unwritten.delete(id);
      const presence = this.#present.get(id);
      if (presence !== undefined) taken.push(presence);
    }
    return taken;
  }

  /** Gives back what could not be written. */
  putBack(presences: readonly Presence[]): void {
    for (const presence of presences) this.#unwritten.add(presence.machineId);
  }

  /** The machines that were heard in this run of the server, and how alive they are. */
  *all(): Iterable<readonly [Presence, LivenessName]> {
    for (const presence of this.#present.values()) yield [presence, this.#judge(presence)];
  }

  #fleetIntervalMs(): number {
    const byLoad = this.#present.size / this.#policy.maxBeatsPerSecond;
    return Math.max(this.#policy.intervalSeconds, byLoad) * 1000;
  }

  #judge(presence: Presence): LivenessName {
    const silent = (this.#clock.elapsedMs() - presence.seenMs) / presence.intervalMs;
    if (silent >= goneAfter) return 'gone';
    return silent >= lateAfter ? 'late' : 'online';
  }

  #publish(presence: Presence, liveness: LivenessName): void {
    if (presence.liveness === liveness) return;
    presence.liveness = liveness;
    this.#events.publish('machine.liveness', {
      machine_id: presence.machineId,
      liveness,
      last_seen: presence.seenAt.toISOString(),
    });
  }
}
