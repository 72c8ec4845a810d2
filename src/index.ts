// The package's main export: what embedders need of the agent's half, the store, the server and the
// schemas. `dragonfly-agent/agent` is the agent's half alone.
import './check-node.ts';

/**
 * @packageDocumentation
 * @example A server of your own, and a machine that checks in
 * ```ts
 * import { createApp, openStore, systemClock } from 'dragonfly-agent';
 *
 * const store = await openStore('lmdb:data');
 * const app = await createApp({ store, clock: systemClock });
 * const url = await app.listen({ host: '127.0.0.1', port: 0 });
 *
 * const answer = await fetch(`${url}/api/agent/checkin`, {
 *   method: 'POST',
 *   headers: { 'content-type': 'application/json' },
 *   body: JSON.stringify({ mac: '02:00:00:00:00:01', hostname: 'node-1' }),
 * });
 * console.log(answer.status); // prints 200
 * const machine = await store.machines.byMac('02:00:00:00:00:01');
 * console.log(machine?.value.status.state); // prints Discovered
 *
 * await app.close();
 * await store.close();
 * ```
 */

export {
  collectInventory,
  explainInventory,
  type InventoryOptions,
} from './inventory/inventory.ts';
export { AppError, describeError, errorCodes, isAppError, type ErrorCode } from './core/errors.ts';
export { ManualClock, systemClock, type Clock } from './core/clock.ts';
export type { Log } from './core/log.ts';
export { computeIdentityHash } from './identity/hash.ts';
export { identify, type IdentityExplanation, type IdentitySource } from './identity/identify.ts';
export { normalizeMac } from './identity/macs.ts';
export * from './model/api/agent.ts';
export * from './model/hardware/cpu.ts';
export * from './model/hardware/disk.ts';
export * from './model/hardware/existing-os.ts';
export * from './model/hardware/gpu.ts';
export * from './model/hardware/memory.ts';
export * from './model/hardware/network-interface.ts';
export * from './model/hardware/virtualization.ts';
export type * from './model/inventory.ts';
export type * from './model/network-setup.ts';
export * from './model/history.ts';
export * from './model/machine.ts';
export * from './model/problem.ts';
export * from './model/documents/template.ts';
export * from './model/documents/workflow.ts';
export { createApp, type AppOptions } from './server/app.ts';
export {
  listenForBoots,
  type BootListener,
  type BootListenerOptions,
} from './server/http/boot/boot-listener.ts';
export type { ClaimServices } from './server/checkin/claims.ts';
export { register, type Registration } from './server/checkin/registration.ts';
export { Events } from './server/running/events.ts';
export { Liveness } from './server/running/liveness/liveness.ts';
export { defaultLiveness, type LivenessPolicy } from './server/running/liveness/pace.ts';
export { openRoot } from './sources/open.ts';
export type { Root } from './sources/root.ts';
export { openStore } from './store/open.ts';
export type * from './store/store.ts';
