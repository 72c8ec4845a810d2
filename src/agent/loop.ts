// Performs what state.ts decides: waits on the clock, has the conversation, starts orders.
// Only state.ts decides whether and when to try again.
import type { Clock } from '../core/clock.ts';
import { AppError, describeError } from '../core/errors.ts';
import type {
  CheckinRequest,
  CheckinResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  WorkflowEvent,
} from '../model/api/agent.ts';
import type { Problem } from '../model/problem.ts';
import type { TemplateToRun, WorkflowToRun } from '../transport/answers.ts';
import { Conversation, type ConversationOptions } from './conversation.ts';
import { classifyFailure, isRefusal } from '../transport/failure.ts';
import { initialState, transition, type AgentEvent, type AgentState, type Order } from './state.ts';
import type { BootTime } from './timeline.ts';

type Addresses = readonly string[] | undefined;

/** To a heartbeat, or to a check-in, which may give the machine another id. */
type Answer = HeartbeatResponse & Partial<Pick<CheckinResponse, 'machine_id'>>;

/** A workflow whose end is not told would be taken for interrupted. */
const lastWordsMs = 120_000;
const lastWordsEveryMs = 2_000;

/** The order under way. */
interface Acting {
  readonly order: Order;
  readonly end: Promise<AgentEvent>;
  readonly stop: AbortController;
}

/** The machine that an agent speaks for. */
export interface Subject {
  /** The addresses it can be reached at; a server is tried only while there are any. Undefined when they
   *  cannot be told: then it is tried all the same. */
  addresses(): Addresses | Promise<Addresses>;
  /** Takes its current inventory. Errors: AppError; the loop tries again later. */
  describe(): Promise<CheckinRequest>;
  /** Listens for the switches at the other ends of its cables; undefined where it does not. */
  neighbours?(
    signal: AbortSignal,
  ): Promise<NonNullable<HeartbeatRequest['neighbours']> | undefined>;
  /** Carries out an order. Resolves to whether that is final, or the order to be tried again. */
  act(order: Order, server: OrderContext): Promise<{ final: boolean }>;
}

/** The part of the server that an order needs. */
export interface OrderContext {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  workflow(id: string): Promise<WorkflowToRun>;
  /** The template filled in for this machine. */
  template(name: string): Promise<TemplateToRun>;
  /** Tells that this boot begins a workflow. Errors: those of the transport, `server.rejected` with 409
   *  among them where it may not. */
  begin(workflowId: string): Promise<void>;
  event(workflowId: string, event: WorkflowEvent): void;
  problem(problem: Problem): void;
  /** Resolves when all events are delivered, or cannot be for now. */
  flush(): Promise<void>;
  /** Resolves when all events are delivered, however long the server is away, up to two minutes: for the last
   *  words before a reboot. */
  delivered(): Promise<void>;
}

export interface LoopOptions extends ConversationOptions {
  readonly subject: Subject;
  readonly clock: Clock;
  readonly random: () => number;
  /** Beats at least this often, whatever the server says. */
  readonly maxIntervalSeconds?: number | undefined;
  /** Told of each state that the agent comes to. */
  readonly onState?:
    | ((state: AgentState, event: AgentEvent | undefined, view: AgentView) => void)
    | undefined;
}

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
  #state: AgentState;
  #acting: Acting | undefined;
  #hasListened = false;
  #addresses: Addresses;
  /** Those of the last check-in. */
  #registered = '';
  /** The last one that was reported. */
  #refusal: string | undefined;

  constructor(options: LoopOptions) {
    this.#o = options;
    this.#conversation = new Conversation(options);
    this.#state = initialState(options.clock.elapsedMs());
  }

  async run(): Promise<void> {
    const { signal, clock, random, onState, timeline } = this.#o;
    const view = { addresses: () => this.#addresses ?? [], timeline: () => timeline.times() };
    onState?.(this.#state, undefined, view);
    while (!signal.aborted) {
      const event = await this.#next();
      if (event === undefined || signal.aborted) break;
      this.#state = transition(this.#state, event, clock.elapsedMs(), random);
      this.#log(event);
      this.#reportRefusal(event);
      onState?.(this.#state, event, view);
      if (event.type === 'checked-in') void this.#listenOnce();
    }
    await this.#acting?.end;
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
    const acting = this.#startOrder();
    const acted = await (acting === undefined ? due : Promise.race([due, acting.end]));
    if (acted === undefined) return signal.aborted ? undefined : this.#perform();
    awake.abort();
    this.#acting = undefined;
    return acted;
  }

  /** Performs the phase's step. */
  async #perform(): Promise<AgentEvent> {
    const { subject, timeline, transport } = this.#o;
    try {
      this.#addresses = await subject.addresses();
      const addresses = this.#addresses?.join() ?? 'unknown';
      const up = addresses !== '';
      switch (this.#state.phase) {
        case 'waiting': {
          if (up && this.#addresses !== undefined) timeline.mark('address');
          return { type: 'network', up };
        }
        case 'checking-in': {
          const answer = await this.#conversation.checkIn(addresses, () => subject.describe());
          this.#registered = addresses;
          await this.#stopOver(answer);
          return { type: 'checked-in', answer: this.#bounded(answer) };
        }
        case 'beating':
        case 'acting': {
          // Connections from an address that is gone would only time out.
          if (addresses !== this.#registered) {
            await transport.close();
            return { type: 'network', up };
          }
          const answer = await this.#conversation.heartbeat(this.#state.registration);
          await this.#stopOver(answer);
          return { type: 'beaten', answer: this.#bounded(answer) };
        }
      }
    } catch (err) {
      const failure = classifyFailure(err);
      if (failure.kind === 'rejected') await this.#stopOver(undefined);
      return { type: 'failed', failure };
    }
  }

  /** Stops the workflow under way if it is over at the server, whose answer then names it no more. An answer
   *  alone proves nothing: the server is asked for the workflow. */
  async #stopOver(answer: Answer | undefined): Promise<void> {
    const id = this.#acting?.order.workflowId ?? null;
    if (id === null || answer?.workflow_id === id) return;
    const why = await this.#whyOver(id, answer);
    if (why === undefined) return;
    this.#o.log.warn({ workflowId: id, reason: why }, 'a workflow is stopped');
    this.#acting?.stop.abort(
      new AppError('action.cancelled', `workflow ${id} was stopped: ${why}`),
    );
  }

  /** Undefined for a workflow that goes on, or has ended well, and while the server cannot be asked. */
  async #whyOver(id: string, answer: Answer | undefined): Promise<string | undefined> {
    const { transport, signal } = this.#o;
    const token = this.#state.registration?.token;
    try {
      const workflow = await transport.workflow(id, { signal, token });
      if (workflow.hasSucceeded === true) return undefined;
      return this.#whyNot(workflow, answer);
    } catch (err) {
      return classifyFailure(err).kind === 'unknown' ? 'the server has it no more' : undefined;
    }
  }

  /** The reason why this boot of this machine may not run a workflow. */
  #whyNot(workflow: WorkflowToRun, answer?: Answer): string | undefined {
    const ownId = (answer?.machine_id ?? this.#state.registration?.machine_id)?.toLowerCase();
    const { hasEnded, machineId, bootId, held } = workflow;
    if (hasEnded === true) return 'it has ended';
    if (held !== undefined) return `it is held: ${held}`;
    const isForeign = machineId !== undefined && ownId !== undefined && machineId !== ownId;
    if (isForeign) return 'it is of another machine';
    return bootId !== undefined && bootId !== this.#o.boot.id
      ? 'another boot of this machine began it'
      : undefined;
  }

  #bounded<T extends { heartbeat_interval_seconds: number }>(answer: T): T {
    const { maxIntervalSeconds = Infinity } = this.#o;
    const seconds = Math.min(answer.heartbeat_interval_seconds, maxIntervalSeconds);
    return { ...answer, heartbeat_interval_seconds: seconds };
  }

  #startOrder(): Acting | undefined {
    const { order } = this.#state;
    if (order !== undefined && this.#acting === undefined) {
      const stop = new AbortController();
      this.#acting = { order, stop, end: this.#act(order, stop.signal) };
    }
    return this.#acting;
  }

  async #act(order: Order, stopped: AbortSignal): Promise<AgentEvent> {
    const { subject, log } = this.#o;
    log.info({ ...order }, 'order received');
    try {
      const { final } = await subject.act(order, this.#orderContext(stopped));
      return { type: 'acted', final };
    } catch (err) {
      const { kind, error } = classifyFailure(err);
      log.error({ ...order, code: error.code, reason: describeError(err) }, 'order failed');
      // An agent whose token is not taken, or that is not the boot which checked in last, does so first.
      const mayPass = kind === 'unauthorized' || error.details['code'] === 'workflow.refused';
      const final = kind !== 'network' && kind !== 'busy' && !mayPass;
      if (final && !stopped.aborted)
        this.#reportProblem(error.code, order.action, describeError(error));
      return { type: 'acted', final };
    }
  }

  #orderContext(stopped: AbortSignal): OrderContext {
    const { clock, transport, boot, spool } = this.#o;
    const signal = AbortSignal.any([this.#o.signal, stopped]);
    const { registration } = this.#state;
    const call = { signal, token: registration?.token };
    const flush = (): Promise<void> => this.#conversation.flush().catch(() => {});
    return {
      signal,
      clock,
      workflow: async (id) => {
        const workflow = await transport.workflow(id, call);
        const why = this.#whyNot(workflow);
        if (why !== undefined) {
          throw new AppError('action.refused', `workflow ${id} is not run: ${why}`);
        }
        return workflow;
      },
      template: (name) => transport.template(name, registration?.machine_id ?? '', call),
      begin: (id) => this.#conversation.begin(id),
      event: (workflowId, event) => {
        const own = { ...event, boot_id: boot.id };
        this.#conversation.report({ kind: 'event', workflowId, event: own });
        void flush();
      },
      problem: (problem) => this.#conversation.report({ kind: 'problem', problem }),
      flush,
      delivered: async () => {
        const untilMs = clock.elapsedMs() + lastWordsMs;
        for (await flush(); spool.holds('event') && clock.elapsedMs() < untilMs; await flush()) {
          await clock.sleep(lastWordsEveryMs, signal);
        }
      },
    };
  }

  /** Reports a permanent refusal with a later heartbeat, once until the server accepts something again. */
  #reportRefusal(event: AgentEvent): void {
    if (event.type === 'beaten') this.#refusal = undefined;
    if (event.type !== 'failed' || !isRefusal(event.failure)) return;
    const { code, message } = event.failure.error;
    if (message === this.#refusal) return;
    this.#refusal = message;
    this.#reportProblem(code, 'server', message);
  }

  #reportProblem(code: string, source: string, message: string): void {
    const problem = { code, section: 'agent', source, message };
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
