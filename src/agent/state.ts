// The agent's life as a pure function: from state and event to the next state and when to act on it. No
// I/O, clock or randomness of its own; loop.ts performs what a state asks for.
import { fullJitterMs } from '../core/backoff.ts';
import type { Action, CheckinResponse, HeartbeatResponse } from '../model/api/agent.ts';
import type { Failure } from '../transport/failure.ts';

/** An order of the server, other than to wait. */
export interface Order {
  readonly action: Exclude<Action, 'wait'>;
  readonly workflowId: string | null;
}

interface Common {
  /** The time at which the phase's step is due, on the monotonic clock. */
  readonly dueMs: number;
  /** Failures in a row. */
  readonly failures: number;
  readonly lastFailure?: Failure;
  /** The order in progress. It continues while the agent checks in again. */
  readonly order?: Order;
  /** The last order carried out. The server may repeat it until it has processed the report. */
  readonly done?: Order;
}

export type AgentState = Common &
  (
    | {
        /** Waiting for the network, or checking in. */
        readonly phase: 'waiting' | 'checking-in';
        readonly registration?: CheckinResponse;
      }
    | {
        /** Sending heartbeats; "acting" is the same with an order in progress. */
        readonly phase: 'beating' | 'acting';
        readonly registration: CheckinResponse;
      }
  );

export type AgentEvent =
  /** The machine got addresses, got other ones, or lost them. */
  | { readonly type: 'network'; readonly up: boolean }
  | { readonly type: 'checked-in'; readonly answer: CheckinResponse }
  | { readonly type: 'beaten'; readonly answer: HeartbeatResponse }
  /** An order ended, well or badly. Without `final` it will be tried again. */
  | { readonly type: 'acted'; readonly final: boolean }
  | { readonly type: 'failed'; readonly failure: Failure };

export const retryPolicy = { baseMs: 1_000, capMs: 60_000 };
/** Used where repeating cannot help until a person changes something. */
export const slowRetry = { minMs: 60_000, maxMs: 120_000 };
const networkPollMs = 1_000;
/** A heartbeat interval or Retry-After outside this range counts as a server error. */
const bounds = { minMs: 1_000, maxMs: 3_600_000 };

/** The state of an agent that just started. */
export function initialState(nowMs: number): AgentState {
  return { phase: 'waiting', dueMs: nowMs, failures: 0 };
}

/** Returns the state after an event. `nowMs` is on the monotonic clock; `random` returns [0, 1). */
export function transition(
  state: AgentState,
  event: AgentEvent,
  nowMs: number,
  random: () => number,
): AgentState {
  switch (event.type) {
    case 'network':
      return event.up
        ? { ...state, phase: 'checking-in', dueMs: nowMs }
        : { ...state, dueMs: nowMs + networkPollMs };
    case 'checked-in':
      return obey({ ...state, registration: event.answer }, event.answer, nowMs);
    case 'beaten':
      return state.registration === undefined
        ? state
        : obey({ ...state, registration: state.registration }, event.answer, nowMs);
    case 'acted':
      return afterAction(state, event.final, nowMs);
    case 'failed':
      return afterFailure(state, event.failure, nowMs, random);
  }
}

/** Takes up the order in an answer, unless it is in progress or was just done. */
function obey(
  state: Common & { readonly registration: CheckinResponse },
  answer: HeartbeatResponse,
  nowMs: number,
): AgentState {
  const { lastFailure: _mended, order: running, done, ...kept } = state;
  const dueMs = nowMs + clamp(answer.heartbeat_interval_seconds * 1_000);
  const asked = orderOf(answer);
  const isRepeat = asked !== undefined && done !== undefined && sameOrder(asked, done);
  const order = running ?? (isRepeat ? undefined : asked);
  return {
    ...kept,
    phase: order === undefined ? 'beating' : 'acting',
    dueMs,
    failures: 0,
    ...(order === undefined ? {} : { order }),
    ...(isRepeat ? { done } : {}),
  };
}

/** Sends a heartbeat at once, to learn what comes next. */
function afterAction(state: AgentState, final: boolean, nowMs: number): AgentState {
  const { order, done: _before, ...kept } = state;
  const done = final && order !== undefined ? { done: order } : {};
  if (kept.phase !== 'acting') return { ...kept, ...done };
  return { ...kept, ...done, phase: 'beating', dueMs: final ? nowMs : kept.dueMs };
}

function afterFailure(
  state: AgentState,
  failure: Failure,
  nowMs: number,
  random: () => number,
): AgentState {
  const isRegistered = state.phase === 'beating' || state.phase === 'acting';
  const isForgotten = failure.kind === 'unknown' || failure.kind === 'unauthorized';
  const failed = { ...state, failures: state.failures + 1, lastFailure: failure };
  if (isRegistered && isForgotten) return { ...failed, phase: 'checking-in', dueMs: nowMs };
  const dueMs = nowMs + retryDelayMs(failure, state.failures, random);
  return isRegistered ? { ...failed, dueMs } : { ...failed, phase: 'waiting', dueMs };
}

function retryDelayMs(failure: Failure, attempt: number, random: () => number): number {
  if (failure.retryAfterMs !== undefined) {
    const askedMs = Math.min(failure.retryAfterMs, bounds.maxMs);
    return askedMs + random() * Math.max(1_000, askedMs / 2);
  }
  switch (failure.kind) {
    case 'network':
    case 'busy':
    case 'local':
      return fullJitterMs(retryPolicy, attempt, random);
    case 'unauthorized':
    case 'unknown':
    case 'rejected':
      return slowRetry.minMs + random() * (slowRetry.maxMs - slowRetry.minMs);
  }
}

function orderOf(answer: HeartbeatResponse): Order | undefined {
  return answer.action === 'wait'
    ? undefined
    : { action: answer.action, workflowId: answer.workflow_id };
}

function sameOrder(a: Order, b: Order): boolean {
  return a.action === b.action && a.workflowId === b.workflowId;
}

function clamp(ms: number): number {
  return Math.min(bounds.maxMs, Math.max(bounds.minMs, ms));
}
