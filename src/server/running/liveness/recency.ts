// The liveness of a machine by how long it has been silent. A machine is as alive as it is recent:
//
//   online ── 1.5 intervals ──▶ late ── 10 intervals ──▶ gone ── last_seen written ──▶ unheard
//      ▲                          │                        │
//      └──── checkedIn or beat ───┴────────────────────────┘
import type { Clock } from '../../../core/clock.ts';
import type { LivenessName } from '../../../model/api/agent.ts';
import type { Heard } from './heard.ts';

/** A machine is late, and then gone, after this many of its intervals in silence. */
const lateAfter = 1.5;
const goneAfter = 10;
/** Deafness that goes on is said this often at least. */
const deafGapMs = 5000;

export class Recency {
  readonly #clock: Clock;
  /** When the other servers last told what they heard: silence since then says nothing. */
  #toldMs = -Infinity;
  /** The last time in which no check-in could be taken. */
  #deaf = { fromMs: -Infinity, toMs: -Infinity };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The other servers have told what they heard up to now. */
  heardFromOthers(): void {
    this.#toldMs = this.#clock.elapsedMs();
  }

  /** No check-in can be taken now. */
  deafen(): void {
    const nowMs = this.#clock.elapsedMs();
    const isSame = nowMs - this.#deaf.toMs < deafGapMs;
    this.#deaf = { fromMs: isSame ? this.#deaf.fromMs : nowMs, toMs: nowMs };
  }

  of(machine: Heard): LivenessName {
    const nowMs = machine.isElsewhere
      ? Math.min(this.#clock.elapsedMs(), this.#toldMs)
      : this.#clock.elapsedMs();
    const silent = this.#silentMs(machine, nowMs) / machine.intervalMs;
    if (silent >= goneAfter) return 'gone';
    return silent >= lateAfter ? 'late' : 'online';
  }

  /** The part of this time in which no check-in could be taken. */
  #deafMs(fromMs: number, toMs: number): number {
    return Math.max(0, Math.min(toMs, this.#deaf.toMs) - Math.max(fromMs, this.#deaf.fromMs));
  }

  /** Since the machine was last heard, but for the time in which it could not be. */
  silentMs(machine: Heard): number {
    return this.#silentMs(machine, this.#clock.elapsedMs());
  }

  #silentMs({ seenMs, isBeating }: Heard, nowMs: number): number {
    return nowMs - seenMs - (isBeating ? 0 : this.#deafMs(seenMs, nowMs));
  }

  /** The time after which a silent machine is late; negative once it is. */
  untilLateMs(machine: Heard): number {
    return lateAfter * machine.intervalMs - this.silentMs(machine);
  }

  /** True if nobody else was heard with the machine's token for so long that the machine would be gone. */
  isHeldLong({ tokenSinceMs, intervalMs }: Heard): boolean {
    return this.#clock.elapsedMs() - tokenSinceMs >= goneAfter * intervalMs;
  }
}
