// The machine that an agent speaks for, and the part of the server that carrying out its orders needs. Types only.
import type { Clock } from '../core/clock.ts';
import type { CheckinRequest, HeartbeatRequest, WorkflowEvent } from '../model/api/agent.ts';
import type { Problem } from '../model/problem.ts';
import type { TemplateToRun, WorkflowToRun } from '../transport/answers.ts';
import type { Order } from './state.ts';

export type Addresses = readonly string[] | undefined;

/** The machine that an agent speaks for. */
export interface Subject {
  /** The addresses it can be reached at; a server is tried only while there are any. Undefined if they are
   *  unknown; a server is then tried all the same. */
  addresses(): Addresses | Promise<Addresses>;
  /** The names of its disks and ports. If the text differs from that at the check-in, the machine checks in again. */
  devices?(): Promise<string>;
  /** Takes its current inventory. Errors: AppError; the loop tries again later. */
  describe(): Promise<CheckinRequest>;
  /** Listens for the switches at the other ends of its cables; undefined where it does not. */
  neighbours?(
    signal: AbortSignal,
  ): Promise<NonNullable<HeartbeatRequest['neighbours']> | undefined>;
  /** Lets the holders of these public keys log in, and nobody else. Returns at once. */
  admit?(keys: readonly string[], tell: (problem: Problem) => void): void;
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
  /** Takes a line that a program of a workflow printed. */
  note?(line: string): void;
  problem(problem: Problem): void;
  /** Resolves when all events are delivered, or cannot be for now. */
  flush(): Promise<void>;
  /** Resolves when all events are delivered, however long the server is away, up to two minutes: for the last
   *  words before a reboot. */
  delivered(): Promise<void>;
}
