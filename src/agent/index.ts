// The subpath export "dragonfly-agent/agent": what embedders of the agent need, without any
// dependency of the server.
import '../check-node.ts';

/**
 * @packageDocumentation
 * @example Register this machine, or one that was captured
 * ```ts
 * import { runAgent } from 'dragonfly-agent/agent';
 *
 * const stop = new AbortController();
 * await runAgent({
 *   servers: [process.env['DRAGONFLY_URL'] ?? 'http://127.0.0.1:3000'],
 *   root: process.env['DRAGONFLY_ROOT'],
 *   agentVersion: '1.0.0',
 *   signal: stop.signal,
 *   onState: (state, event) => {
 *     if (event?.type !== 'checked-in') return;
 *     console.log(event.answer.action); // prints wait
 *     stop.abort();
 *   },
 * });
 * ```
 */

export type {
  ActionOutcome,
  ActionProgress,
  ActionRunner,
  ActionRunners,
  RunnerContext,
} from './orders/actions.ts';
export { checkInOnce, runAgent, type AgentOptions } from './agent.ts';
export { openBoot, type Boot, type Notebook } from './boot.ts';
export { checkinRequest, type CheckinContext } from './checkin.ts';
export {
  collectInventory,
  explainInventory,
  type InventoryOptions,
} from '../inventory/inventory.ts';
export { openRoot } from '../sources/open.ts';
export type { Root } from '../sources/root.ts';
export { classifyFailure, type Failure, type FailureKind } from '../transport/failure.ts';
export { runLoop, type AgentView, type LoopOptions } from './loop.ts';
export type { OrderContext, Subject } from './subject.ts';
export { Spool, type Report, type SpoolLimits } from './spool.ts';
export { initialState, transition, type AgentEvent, type AgentState, type Order } from './state.ts';
export {
  HttpTransport,
  type HttpTransportOptions,
  type Transport,
} from '../transport/transport.ts';
