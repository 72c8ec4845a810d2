// Performs what state.ts decides: waits on the clock, has the conversation, starts orders.
// Only state.ts decides whether and when to try again.
import type { Clock } from '../core/clock.ts';
import { AppError, describeError } from '../core/errors.ts';
import type { CheckinRequest, WorkflowEvent } from '../model/api.ts';
import type { Problem } from '../model/problem.ts';
import type { TemplateToRun, WorkflowToRun } from '../transport/answers.ts';
import { Conversation, type ConversationOptions } from './conversation.ts';
import { classifyFailure, isRefusal } from '../transport/failure.ts';
import { initialState, transition, type AgentEvent, type AgentState, type Order } from './state.ts';
import type { BootTime } from './timeline.ts';

type Addresses = readonly string[] | undefined;

/** The machine that an agent speaks for. */
export interface Subject {
  /** The addresses it can be reached at; a server is tried only while there are any. Undefined when they
   *  cannot be told: then it is tried all the same. */
  addresses(): Addresses | Promise<Addresses>;
  /** Takes its current inventory. Errors: AppError; the loop tries again later. */
  describe(): Promise<CheckinRequest>;
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
  event(workflowId: string, event: WorkflowEvent): void;
  problem(problem: Problem): void;
  /** Resolves when all events are delivered, or cannot be for now. */
  flush(): Promise<void>;
}

export interface LoopOptions extends ConversationOptions {
  readonly subject: Subject;
  readonly clock: Clock;
  readonly random: () => number;
  /** Beats at least this often, whatever the server says. */
  readonly maxIntervalSeconds?: number | undefined;
  /** An order to carry out once after the first check-in. */
  readonly firstOrder?: Order | undefined;
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
  #acting: { readonly end: Promise<AgentEvent> } | undefined;
  #firstOrder: Order | undefined;
  #addresses: Addresses;
  /** Those of the last check-in. */
  #registered = '';
  /** The last one that was reported. */
  #refusal: string | undefined;

  constructor(options: LoopOptions) {
    this.#o = options;
    this.#conversation = new Conversation(options);
    this.#firstOrder = options.firstOrder;
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
          return { type: 'checked-in', answer: this.#bounded(this.#withFirstOrder(answer)) };
        }
        case 'beating':
        case 'acting': {
          // Connections from an address that is gone would only time out.
          if (addresses !== this.#registered) {
            await transport.close();
            return { type: 'network', up };
          }
          const answer = await this.#conversation.heartbeat(this.#state.registration);
          return { type: 'beaten', answer: this.#bounded(answer) };
        }
      }
    } catch (err) {
      return { type: 'failed', failure: classifyFailure(err) };
    }
  }

  #bounded<T extends { heartbeat_interval_seconds: number }>(answer: T): T {
    const { maxIntervalSeconds = Infinity } = this.#o;
    const seconds = Math.min(answer.heartbeat_interval_seconds, maxIntervalSeconds);
    return { ...answer, heartbeat_interval_seconds: seconds };
  }

  /** An order from the kernel command line counts once, and only where the server has none. */
  #withFirstOrder<T extends { action: string }>(answer: T): T {
    const order = this.#firstOrder;
    this.#firstOrder = undefined;
    if (order === undefined || answer.action !== 'wait') return answer;
    return { ...answer, action: order.action, workflow_id: order.workflowId };
  }

  #startOrder(): { readonly end: Promise<AgentEvent> } | undefined {
    const { order } = this.#state;
    if (order !== undefined) this.#acting ??= { end: this.#act(order) };
    return this.#acting;
  }

  async #act(order: Order): Promise<AgentEvent> {
    const { subject, log } = this.#o;
    log.info({ ...order }, 'order received');
    try {
      const { final } = await subject.act(order, this.#orderContext());
      return { type: 'acted', final };
    } catch (err) {
      const { kind, error } = classifyFailure(err);
      log.error({ ...order, code: error.code, reason: describeError(err) }, 'order failed');
      const final = kind !== 'network' && kind !== 'busy';
      if (final) this.#reportProblem(error.code, order.action, describeError(error));
      return { type: 'acted', final };
    }
  }

  #orderContext(): OrderContext {
    const { signal, clock, transport } = this.#o;
    const { registration } = this.#state;
    const call = { signal, token: registration?.token };
    const flush = (): Promise<void> => this.#conversation.flush().catch(() => {});
    return {
      signal,
      clock,
      workflow: async (id) => {
        const workflow = await transport.workflow(id, call);
        refuseForeign(id, workflow, registration?.machine_id);
        return workflow;
      },
      template: (name) => transport.template(name, registration?.machine_id ?? '', call),
      event: (workflowId, event) => {
        this.#conversation.report({ kind: 'event', workflowId, event });
        void flush();
      },
      problem: (problem) => this.#conversation.report({ kind: 'problem', problem }),
      flush,
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

/** Refuses a workflow that the boot parameters still name, or another machine's.
 *  Errors: AppError `action.refused`. */
function refuseForeign(
  id: string,
  { hasEnded, machineId }: WorkflowToRun,
  ownId: string | undefined,
): void {
  if (hasEnded === true) {
    throw new AppError('action.refused', `workflow ${id} has ended: it is not run again`);
  }
  if (machineId !== undefined && ownId !== undefined && machineId !== ownId.toLowerCase()) {
    throw new AppError('action.refused', `workflow ${id} is another machine's: it is not run here`);
  }
}
