// Performs what state.ts decides: waits on the clock, has the conversation, starts orders.
// Only state.ts decides whether and when to try again.
import { describeError } from '../core/errors.ts';
import { classifyFailure, isRefusal } from '../transport/failure.ts';
import { Acting, problemOf, type ActingOptions } from './acting.ts';
import { Conversation } from './conversation.ts';
import type { Logbook } from './logbook.ts';
import { initialState, transition, type AgentEvent, type AgentState } from './state.ts';
import type { Addresses } from './subject.ts';
import type { BootTime } from './timeline.ts';

export interface LoopOptions extends ActingOptions {
  readonly random: () => number;
  /** Beats at least this often, whatever the server says. */
  readonly maxIntervalSeconds?: number | undefined;
  /** Its lines are sent to the server; left out: none are. */
  readonly logbook?: Logbook | undefined;
  /** Told of each state that the agent comes to. */
  readonly onState?:
    | ((state: AgentState, event: AgentEvent | undefined, view: AgentView) => void)
    | undefined;
}

/** The interval at which disks, ports and addresses are looked at between heartbeats. */
const lookMs = 5_000;

/** The view of an agent beside its state. */
export interface AgentView {
  addresses(): readonly string[];
  /** The times at which this boot reached each step on its way to the server. */
  timeline(): readonly BootTime[];
}

/** Keeps a machine registered until the signal is aborted, then resolves. Nothing that a network or
 *  a server does ends it. */
export async function runLoop(options: LoopOptions): Promise<void> {
  await new Loop(options).run();
}

class Loop {
  readonly #o: LoopOptions;
  readonly #conversation: Conversation;
  readonly #acting: Acting;
  #state: AgentState;
  #hasListened = false;
  #addresses: Addresses;
  /** Those of the last check-in. */
  #registered: Addresses;
  #registeredDevices: string | undefined;
  /** The last one that was reported. */
  #refusal: string | undefined;

  constructor(options: LoopOptions) {
    this.#o = options;
    this.#conversation = new Conversation(options);
    this.#acting = new Acting(options, this.#conversation, () => this.#state.registration);
    this.#state = initialState(options.clock.elapsedMs());
  }

  async run(): Promise<void> {
    const { signal, clock, random, onState, timeline } = this.#o;
    const view = { addresses: () => this.#addresses ?? [], timeline: () => timeline.times() };
    onState?.(this.#state, undefined, view);
    const sent = this.#o.logbook?.run(this.#o.transport, signal);
    while (!signal.aborted) {
      const event = await this.#next();
      if (event === undefined || signal.aborted) break;
      this.#state = transition(this.#state, event, clock.elapsedMs(), random);
      this.#log(event);
      this.#reportRefusal(event);
      onState?.(this.#state, event, view);
      if (event.type === 'checked-in') void this.#listenOnce();
      this.#tellLogbook(event);
      this.#admit(event);
    }
    await this.#acting.end();
    await sent;
  }

  #admit(event: AgentEvent): void {
    if (event.type !== 'checked-in' && event.type !== 'beaten') return;
    this.#o.subject.admit?.(event.answer.ssh_keys ?? [], (problem) => {
      this.#conversation.report({ kind: 'problem', problem });
    });
  }

  #tellLogbook({ type }: AgentEvent): void {
    const { registration } = this.#state;
    if (registration === undefined || (type !== 'checked-in' && type !== 'beaten')) return;
    const { machine_id: machineId, token } = registration;
    this.#o.logbook?.heard({ machineId, token }, type === 'checked-in');
  }

  /** Hears the neighbours once, beside all else: a check-in does not wait for it. */
  async #listenOnce(): Promise<void> {
    if (this.#hasListened) return;
    this.#hasListened = true;
    const { subject, signal, log } = this.#o;
    try {
      const heard = (await subject.neighbours?.(signal)) ?? [];
      if (heard.length > 0) this.#conversation.tellNeighbours(heard);
    } catch (err) {
      log.warn({ reason: describeError(err) }, 'cannot listen for neighbours');
    }
  }

  /** The end of the order under way, or the outcome of the step that falls due before it; undefined
   *  when the agent is stopped. */
  async #next(): Promise<AgentEvent | undefined> {
    const { clock, signal } = this.#o;
    const awake = new AbortController();
    const delayMs = Math.max(0, this.#state.dueMs - clock.elapsedMs());
    const due = clock
      .sleep(delayMs, AbortSignal.any([signal, awake.signal]))
      .catch(() => undefined);
    const end = this.#acting.start(this.#state.order);
    const change = this.#change(AbortSignal.any([signal, awake.signal]));
    const first = await Promise.race([due, change, ...(end === undefined ? [] : [end])]);
    awake.abort();
    if (first === undefined) return signal.aborted ? undefined : this.#perform();
    if (first.type === 'acted') this.#acting.ended();
    return first;
  }

  /** Resolves when an address comes or goes, or, while the machine is registered, a disk or a port; to undefined when the
   *  signal aborts. */
  async #change(signal: AbortSignal): Promise<AgentEvent | undefined> {
    const { clock, subject } = this.#o;
    if (subject.devices === undefined) return new Promise(() => {});
    while (!signal.aborted) {
      await clock.sleep(lookMs, signal).catch(() => {});
      if (signal.aborted || !this.#heedsAddresses()) continue;
      try {
        const addresses = await subject.addresses();
        const known = this.#state.phase === 'beating' ? this.#registered : this.#addresses;
        const isOther = reported(addresses) !== reported(known);
        if (!isOther && !(await this.#hasOtherDevices())) continue;
        if (signal.aborted) break;
        if (isOther) await this.#o.transport.close();
        return { type: 'network', up: addresses?.length !== 0 };
      } catch {
        // The next look, or the step that is due, tells.
      }
    }
    return undefined;
  }

  /** Another address may lead to a server that the one before did not lead to. A server that was reached says itself when to
   *  come again. */
  #heedsAddresses(): boolean {
    const { phase, lastFailure } = this.#state;
    return phase === 'beating' || (phase === 'waiting' && lastFailure?.kind === 'network');
  }

  /** A workflow adds and removes devices, so changes are not reported while one runs. */
  async #hasOtherDevices(): Promise<boolean> {
    if (this.#state.phase !== 'beating') return false;
    const devices = await this.#devices();
    return devices !== undefined && devices !== this.#registeredDevices;
  }

  /** Undefined if they cannot be read, which must not keep a machine from its server. */
  async #devices(): Promise<string | undefined> {
    return this.#o.subject.devices?.().catch(() => undefined);
  }

  /** Performs the phase's step. */
  async #perform(): Promise<AgentEvent> {
    const { subject, timeline, transport } = this.#o;
    try {
      this.#addresses = await subject.addresses();
      const up = this.#addresses?.length !== 0;
      switch (this.#state.phase) {
        case 'waiting': {
          if (up && this.#addresses !== undefined) timeline.mark('address');
          return { type: 'network', up };
        }
        case 'checking-in': {
          const devices = await this.#devices();
          const about = `${reported(this.#addresses)} ${devices ?? ''}`;
          const answer = await this.#conversation.checkIn(about, () => subject.describe());
          this.#registered = this.#addresses;
          this.#registeredDevices = devices;
          await this.#acting.stopOver(answer);
          return { type: 'checked-in', answer: this.#bounded(answer) };
        }
        case 'beating':
        case 'acting': {
          const isOther = reported(this.#addresses) !== reported(this.#registered);
          // Connections from an address that is gone would only time out.
          if (isOther || this.#hasLost()) await transport.close();
          if (isOther || (await this.#hasOtherDevices())) return { type: 'network', up };
          this.#registered = this.#addresses;
          const answer = await this.#conversation.heartbeat(this.#state.registration);
          await this.#acting.stopOver(answer);
          return { type: 'beaten', answer: this.#bounded(answer) };
        }
      }
    } catch (err) {
      const failure = classifyFailure(err);
      if (failure.kind === 'rejected') await this.#acting.stopOver(undefined);
      return { type: 'failed', failure };
    }
  }

  #hasLost(): boolean {
    return (
      this.#registered?.some((address) => this.#addresses?.includes(address) !== true) === true
    );
  }

  #bounded<T extends { heartbeat_interval_seconds: number }>(answer: T): T {
    const { maxIntervalSeconds = Infinity } = this.#o;
    const seconds = Math.min(answer.heartbeat_interval_seconds, maxIntervalSeconds);
    return { ...answer, heartbeat_interval_seconds: seconds };
  }

  /** Reports a permanent refusal with a later heartbeat, once until the server accepts something again. */
  #reportRefusal(event: AgentEvent): void {
    if (event.type === 'beaten') this.#refusal = undefined;
    if (event.type !== 'failed' || !isRefusal(event.failure)) return;
    const { code, message } = event.failure.error;
    if (message === this.#refusal) return;
    this.#refusal = message;
    const problem = problemOf(code, 'server', message);
    this.#conversation.report({ kind: 'problem', problem });
  }

  /** A line for each thing that a person may want to know. */
  #log(event: AgentEvent): void {
    const { log, clock } = this.#o;
    const { failures, registration, dueMs } = this.#state;
    if (event.type === 'checked-in') {
      const { machine_id: machineId, memorable_name: name, is_new: isNew } = event.answer;
      log.info({ machineId, name, isNew, matchedBy: event.answer.matched_by }, 'checked in');
    } else if (event.type === 'beaten') {
      log.debug({ machineId: registration?.machine_id }, 'heartbeat answered');
    } else if (event.type === 'failed') {
      const { kind, error } = event.failure;
      const reason = describeError(error);
      const waitMs = Math.round(dueMs - clock.elapsedMs());
      log.warn({ kind, code: error.code, reason, failures, waitMs }, 'failed, will try again');
    }
  }
}

/** The addresses of which a check-in reports one. An IPv6 address beside IPv4 ones is none of them: it comes seconds
 *  later, and its successors for as long as the machine runs. */
function reported(addresses: Addresses): string {
  const ipv4 = addresses?.filter((address) => !address.includes(':')) ?? [];
  return (ipv4.length > 0 ? ipv4 : addresses)?.join() ?? 'unknown';
}
