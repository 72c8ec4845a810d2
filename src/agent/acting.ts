// The order under way: begun once, carried out by the machine, and stopped when it is over at the server.
import type { Clock } from '../core/clock.ts';
import { AppError, describeError } from '../core/errors.ts';
import type { CheckinResponse, HeartbeatResponse, WorkflowEvent } from '../model/api/agent.ts';
import type { Problem } from '../model/problem.ts';
import type { WorkflowToRun } from '../transport/answers.ts';
import { classifyFailure } from '../transport/failure.ts';
import type { Conversation, ConversationOptions } from './conversation.ts';
import type { Logbook } from './logbook.ts';
import type { AgentEvent, Order } from './state.ts';
import type { OrderContext, Subject } from './subject.ts';

/** The answer to a heartbeat, or to a check-in, which may give the machine another id. */
type Answer = HeartbeatResponse & Partial<Pick<CheckinResponse, 'machine_id'>>;

/** If the end of a workflow is not reported, the server takes it for interrupted. */
const lastWordsMs = 120_000;
const lastWordsEveryMs = 2_000;

interface UnderWay {
  readonly order: Order;
  readonly end: Promise<AgentEvent>;
  readonly stop: AbortController;
}

export interface ActingOptions extends ConversationOptions {
  readonly subject: Subject;
  readonly clock: Clock;
  /** Takes the steps of workflows and what their programs print. */
  readonly logbook?: Logbook | undefined;
}

export class Acting {
  readonly #o: ActingOptions;
  readonly #conversation: Conversation;
  readonly #registration: () => CheckinResponse | undefined;
  #underWay: UnderWay | undefined;

  /** `registration`: as which machine the agent is registered now. */
  constructor(
    options: ActingOptions,
    conversation: Conversation,
    registration: () => CheckinResponse | undefined,
  ) {
    this.#o = options;
    this.#conversation = conversation;
    this.#registration = registration;
  }

  /** Begins the order, unless one is under way. Returns the end of the order under way, or undefined. */
  start(order: Order | undefined): Promise<AgentEvent> | undefined {
    if (order !== undefined && this.#underWay === undefined) {
      const stop = new AbortController();
      this.#underWay = { order, stop, end: this.#act(order, stop.signal) };
    }
    return this.#underWay?.end;
  }

  /** The order is no longer under way. */
  ended(): void {
    this.#underWay = undefined;
  }

  /** Resolves when the order under way has ended, at once if there is none. */
  async end(): Promise<void> {
    await this.#underWay?.end;
  }

  /** Stops the workflow under way if it is over at the server. An answer that no longer names it proves nothing by
   *  itself, so the server is asked for the workflow. */
  async stopOver(answer: Answer | undefined): Promise<void> {
    const id = this.#underWay?.order.workflowId ?? null;
    if (id === null || answer?.workflow_id === id) return;
    const why = await this.#whyOver(id, answer);
    if (why === undefined) return;
    this.#o.log.warn({ workflowId: id, reason: why }, 'a workflow is stopped');
    this.#underWay?.stop.abort(
      new AppError('action.cancelled', `workflow ${id} was stopped: ${why}`),
    );
  }

  /** Undefined for a workflow that goes on, or has ended well, and while the server cannot be asked. */
  async #whyOver(id: string, answer: Answer | undefined): Promise<string | undefined> {
    const { transport, signal } = this.#o;
    const token = this.#registration()?.token;
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
    const ownId = (answer?.machine_id ?? this.#registration()?.machine_id)?.toLowerCase();
    const { hasEnded, machineId, bootId, held } = workflow;
    if (hasEnded === true) return 'it has ended';
    if (held !== undefined) return `it is held: ${held}`;
    const isForeign = machineId !== undefined && ownId !== undefined && machineId !== ownId;
    if (isForeign) return 'it is of another machine';
    return bootId !== undefined && bootId !== this.#o.boot.id
      ? 'another boot of this machine began it'
      : undefined;
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
      // An agent whose token is refused, or whose boot is not the last that checked in, checks in first.
      const mayPass = kind === 'unauthorized' || error.details['code'] === 'workflow.refused';
      const final = kind !== 'network' && kind !== 'busy' && !mayPass;
      if (final && !stopped.aborted) {
        const problem = problemOf(error.code, order.action, describeError(error));
        this.#conversation.report({ kind: 'problem', problem });
      }
      return { type: 'acted', final };
    }
  }

  #orderContext(stopped: AbortSignal): OrderContext {
    const { clock, transport, boot, spool, logbook } = this.#o;
    const signal = AbortSignal.any([this.#o.signal, stopped]);
    const registration = this.#registration();
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
        const text = eventLine(event);
        if (text !== undefined) logbook?.add('action', text);
        const own = { ...event, boot_id: boot.id };
        this.#conversation.report({ kind: 'event', workflowId, event: own });
        void flush();
      },
      note: (line) => logbook?.add('action', line),
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
}

/** A line of the log for a step of a workflow; undefined for progress, which comes all the time. */
function eventLine(event: WorkflowEvent): string | undefined {
  switch (event.type) {
    case 'started':
    case 'action_progress':
      return undefined;
    case 'action_started':
      return `action ${event.action} begins`;
    case 'action_completed':
      return `action ${event.action} ${event.success ? 'is done' : 'has failed'}`;
    case 'completed':
      return event.success
        ? 'the workflow is done'
        : `the workflow has failed${event.error === undefined ? '' : `: ${event.error}`}`;
  }
}

/** A problem of the agent's own. */
export function problemOf(code: string, source: string, message: string): Problem {
  return { code, section: 'agent', source, message };
}
