// The subpath export "dragonfly-agent/client": a server's HTTP API for operators' programs, without any
// dependency of the server.
import '../check-node.ts';

/**
 * @packageDocumentation
 * @example Tag the machines of a rack
 * ```ts
 * import { Client, isAppError } from 'dragonfly-agent/client';
 *
 * const client = new Client(process.env['DRAGONFLY_URL'] ?? 'http://127.0.0.1:3000', {
 *   token: process.env['DRAGONFLY_TOKEN'],
 * });
 * for await (const { id } of client.machines.list({ q: 'node-' })) {
 *   const { value, etag } = await client.machines.get(id);
 *   const tags = [...value.config.tags, 'rack-7'];
 *   try {
 *     await client.machines.patch(id, { tags }, { ifMatch: etag });
 *   } catch (err) {
 *     // Somebody else changed it in between, or deleted it.
 *     if (!isAppError(err, 'request.stale') && !isAppError(err, 'machine.unknown')) throw err;
 *   }
 * }
 * console.log(await client.machines.tags()); // prints [ { tag: 'rack-7', machines: 2 } ]
 * await client.close();
 * ```
 */

export { AppError, describeError, isAppError, type ErrorCode } from '../core/errors.ts';
export type { EventType, ServerEvent } from '../model/api/events.ts';
export type { IdentityConflict, MachineChange } from '../model/history.ts';
export type { MachineState, MachineStateName } from '../model/machine.ts';
export type {
  BulkResponse,
  MachineCreate,
  MachinePatch,
  MachineView,
  TagList,
} from '../model/api/machines.ts';
export type { DamagedList, DamagedRaw } from '../model/api/administration/damaged.ts';
export type {
  Myself,
  NewTokenRequest,
  TokenCreated,
  TokenList,
  TokenScope,
} from '../model/api/administration/tokens.ts';
export type {
  DeliveryView,
  NewWebhookRequest,
  WebhookCreated,
  WebhookPatch,
  WebhookView,
} from '../model/api/administration/webhooks.ts';
export type { SessionList } from '../model/api/administration/sessions.ts';
export type { Setting } from '../model/api/administration/settings.ts';
export type { PlanAnswer, WorkflowCounts, WorkflowCreate } from '../model/api/workflows.ts';
export type { AuditEntry } from '../model/documents/audit.ts';
export type { Template } from '../model/documents/template.ts';
export type { Workflow } from '../model/documents/workflow.ts';
export type { CallOptions, ChangeOptions, Tagged } from './calls.ts';
export { Client, type ClientOptions } from './client.ts';
export type { ImageSum } from './resources/images.ts';
export type { ListOptions, Listing } from './listing.ts';
export type { BulkChange } from '../model/api/bulk.ts';
export type { MachineFilter } from './resources/machines.ts';
export type { WatchedEvent, WatchOptions } from './watch.ts';
