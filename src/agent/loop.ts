// Performs what state.ts decides: waits on the clock, speaks through the transport, starts orders.
// Whether and when to try again is decided there alone.
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { CheckinRequest, HeartbeatRequest } from '../model/api.ts';
import { describeError } from '../core/errors.ts';
import type { Boot } from './boot.ts';
import { classifyFailure, isAmbiguous, type Failure } from './failure.ts';
import { initialState, transition, type AgentEvent, type AgentState, type Order } from './state.ts';
import type { Transport } from './transport.ts';

/** The machine that an agent speaks for. */
export interface Subject {
  /** The addresses it can be reached at; a server is tried only while there are any. */
  addresses(): readonly string[];
  /** What it is at this moment. Errors: AppError, tried again later. */
  describe(): Promise<CheckinRequest>;
  /** Carries out an order. Resolves to whether that is final, or the order to be tried again. */
  act(order: Order, signal: AbortSignal): Promise<{ final: boolean }>;
}

export interface LoopOptions {
  readonly subject: Subject;
  readonly transport: Transport;
  readonly boot: Boot;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** The bearer token for check-ins, where the server wants one. */
  readonly enrolToken?: string | undefined;
  /** Told of each state that the agent comes to. */
  readonly onState?: (state: AgentState, event: AgentEvent | undefined) => void;
}

/** Keeps a machine registered until the signal is aborted, then resolves. Nothing that a network or
 *  a server does ends it. */
export async function runLoop(options: LoopOptions): Promise<void> {
  await new Loop(options).run();
}

/** A request that the server may have acted on although its answer never came. */
type Unanswered =
  | { readonly kind: 'checkin'; readonly request: CheckinRequest; readonly addresses: string }
  | { readonly kind: 'heartbeat'; readonly request: HeartbeatRequest };

class Loop {
  readonly #o: LoopOptions;
  #state: AgentState;
  #unanswered: Unanswered | undefined;
  #acting: { readonly end: Promise<AgentEvent> } | undefined;
  #identityHash: string | null = null;

  constructor(options: LoopOptions) {
    this.#o = options;
    this.#state = initialState(options.clock.elapsedMs());
  }

  async run(): Promise<void> {
    const { signal, clock, random, onState } = this.#o;
    onState?.(this.#state, undefined);
    while (!signal.aborted) {
      const event = await this.#next();
      if (event === undefined || signal.aborted) break;
      this.#state = transition(this.#state, event, clock.elapsedMs(), random);
      this.#report(event);
      onState?.(this.#state, event);
    }
    await this.#acting?.end;
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
    const acting = this.#startOrder();
    const acted = await (acting === undefined ? due : Promise.race([due, acting.end]));
    if (acted === undefined) return signal.aborted ? undefined : this.#perform();
    awake.abort();
    this.#acting = undefined;
    return acted;
  }

  #startOrder(): { readonly end: Promise<AgentEvent> } | undefined {
    const { order } = this.#state;
    if (order === undefined || this.#acting !== undefined) return this.#acting;
    const { subject, signal, log } = this.#o;
    log.info({ ...order }, 'order received');
    const end = subject.act(order, signal).then(
      ({ final }): AgentEvent => ({ type: 'acted', final }),
      (err: unknown): AgentEvent => {
        log.error({ ...order, reason: describeError(err) }, 'order failed');
        return { type: 'acted', final: true };
      },
    );
    this.#acting = { end };
    return this.#acting;
  }

  /** Does what the phase asks for. */
  async #perform(): Promise<AgentEvent> {
    const { subject, transport } = this.#o;
    try {
      switch (this.#state.phase) {
        case 'waiting':
          return { type: 'network', up: subject.addresses().length > 0 };
        case 'checking-in': {
          const request = await this.#checkinRequest();
          const answer = await transport.checkIn(request, this.#call(this.#o.enrolToken));
          this.#identityHash = request.identity_hash ?? null;
          this.#unanswered = undefined;
          return { type: 'checked-in', answer };
        }
        case 'beating':
        case 'acting': {
          const { registration } = this.#state;
          const request = await this.#heartbeatRequest(registration.machine_id);
          const answer = await transport.heartbeat(request, this.#call(registration.token));
          this.#unanswered = undefined;
          return { type: 'beaten', answer };
        }
      }
    } catch (err) {
      const failure = classifyFailure(err);
      if (!isAmbiguous(failure)) this.#unanswered = undefined;
      return { type: 'failed', failure };
    }
  }

  /** The unanswered request again, unless the machine's addresses have changed since. */
  async #checkinRequest(): Promise<CheckinRequest> {
    const { subject, boot } = this.#o;
    const addresses = subject.addresses().join();
    const last = this.#unanswered;
    if (last?.kind === 'checkin' && last.addresses === addresses) return last.request;
    const request = {
      ...(await subject.describe()),
      boot_id: boot.id,
      sequence: await boot.nextSequence(),
    };
    this.#unanswered = { kind: 'checkin', request, addresses };
    return request;
  }

  async #heartbeatRequest(machineId: string): Promise<HeartbeatRequest> {
    const { boot } = this.#o;
    const last = this.#unanswered;
    if (last?.kind === 'heartbeat' && last.request.machine_id === machineId) return last.request;
    const request = {
      machine_id: machineId,
      boot_id: boot.id,
      sequence: await boot.nextSequence(),
      uptime_seconds: Math.floor(boot.uptimeMs() / 1_000),
      identity_hash: this.#identityHash,
    };
    this.#unanswered = { kind: 'heartbeat', request };
    return request;
  }

  #call(token: string | undefined) {
    return { signal: this.#o.signal, token };
  }

  /** A line for each thing that a person may want to know; one of a row of failures is enough. */
  #report(event: AgentEvent): void {
    const { log } = this.#o;
    const { failures, registration, dueMs } = this.#state;
    if (event.type === 'checked-in') {
      const { machine_id: machineId, memorable_name: name, is_new: isNew } = event.answer;
      log.info({ machineId, name, isNew, matchedBy: event.answer.matched_by }, 'checked in');
    } else if (event.type === 'beaten') {
      log.debug({ machineId: registration?.machine_id }, 'heartbeat answered');
    } else if (event.type === 'failed') {
      const waitMs = Math.round(dueMs - this.#o.clock.elapsedMs());
      log.warn({ ...explain(event.failure), failures, waitMs }, 'server not reached, will retry');
    }
  }
}

function explain({ kind, error }: Failure): Record<string, unknown> {
  return { kind, code: error.code, reason: describeError(error) };
}
