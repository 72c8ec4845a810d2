// The services that routes get: every part of the server that requests share.
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Clock } from '../core/clock.ts';
import type { Lanes } from '../core/lanes.ts';
import type { Log } from '../core/log.ts';
import type { Store } from '../store/store.ts';
import type { Auth } from './access/auth.ts';
import type { LastCheckins } from './checkin/last-checkins.ts';
import type { Events } from './running/events.ts';
import type { Decisions } from './running/decisions.ts';
import type { Liveness } from './running/liveness/liveness.ts';
import type { ImageFolder } from '../store/images/folder.ts';
import type { BootOptions } from '../netboot/boot-parameters.ts';
import type { Limits } from './running/limits.ts';
import type { Metrics } from './running/metrics/metrics.ts';
import type { MachineLogs } from './running/machine-logs.ts';
import type { AuditPolicy } from './running/audit-log.ts';
import type { Overload } from './running/overload.ts';
import type { SshKeys } from './running/ssh-keys.ts';
import type { StoreHealth } from './running/store-health.ts';
import type { Stopwatch } from './running/stopwatch.ts';
import type { Fleet } from './running/metrics/fleet.ts';
import type { MachineTexts } from './running/search/machine-texts.ts';
import type { SecretBox } from './access/secrets.ts';
import type { Webhooks } from './webhooks/webhooks.ts';

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface Services {
  /** The server's own. */
  readonly version: string;
  /** The size of the store, where it is a file. */
  readonly storeBytes: (() => number | undefined) | undefined;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Returns [0, 1). */
  readonly random: () => number;
  /** Makes a UUIDv7. */
  readonly newId: () => string;
  readonly auth: Auth;
  readonly events: Events;
  readonly liveness: Liveness;
  readonly decisions: Decisions;
  readonly checkins: Lanes;
  readonly lastCheckins: LastCheckins;
  readonly audit: AuditPolicy;
  readonly logs: MachineLogs;
  readonly fleet: Fleet;
  readonly sshKeys: SshKeys;
  readonly texts: MachineTexts;
  readonly storeHealth: StoreHealth;
  readonly metrics: Metrics;
  readonly overload: Overload;
  readonly limits: Limits;
  readonly stopwatch: Stopwatch;
  readonly secrets: SecretBox;
  readonly webhooks: Webhooks;
  /** This server's URL as agents reach it, if configured. */
  readonly publicUrl: string | undefined;
  readonly boot: BootOptions;
  /** The disk images to give out, if there is a folder of them. */
  readonly images: ImageFolder | undefined;
  /** Aborted when the server begins to stop. */
  readonly stopping: AbortSignal;
}
