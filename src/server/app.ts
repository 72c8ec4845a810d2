// Builds the server from its services, the handling common to all requests, and the routes. It does not
// listen.
import swagger from '@fastify/swagger';
import fastify from 'fastify';
import type { Clock } from '../core/clock.ts';
import { countedIds, newId as newUuid } from '../core/ids.ts';
import { Lanes } from '../core/lanes.ts';
import { silentLog, type Log } from '../core/log.ts';
import type { ImageFolder } from '../store/images/folder.ts';
import type { Store } from '../store/store.ts';
import { answerText, clientErrorAnswerer, sendError } from './http/answers.ts';
import { takeBodies } from './http/requests/bodies.ts';
import { answerUnknown } from './http/requests/methods.ts';
import { readStrictly } from './http/requests/queries.ts';
import { Auth, type AuthOptions } from './access/auth.ts';
import type { People } from './access/oidc/people.ts';
import type { OidcOptions } from './access/oidc/provider.ts';
import { startBackground } from './background.ts';
import { LastCheckins } from './checkin/last-checkins.ts';
import type { BootOptions } from '../netboot/boot-parameters.ts';
import {
  certificateOf,
  endSilent,
  limitConnections,
  noteCertificate,
  noteConnections,
  serverOptions,
  setUpConnections,
  type TlsTexts,
} from './http/connections.ts';
import { Events } from './running/events.ts';
import { noteAnswer } from './http/noted.ts';
import { serveInTurn } from './http/pipelines.ts';
import { guardRequests, identify, identifyRequests } from './http/guard.ts';
import { addShortcuts } from './http/shortcuts/shortcuts.ts';
import { checkinShortcut } from './http/shortcuts/checkin.ts';
import { heartbeatShortcut } from './http/shortcuts/heartbeat.ts';
import { decisionFor } from './machines/decision.ts';
import { machineTexts } from './machines/machine-list.ts';
import { Decisions } from './running/decisions.ts';
import { Liveness } from './running/liveness/liveness.ts';
import { defaultLiveness, type LivenessPolicy } from './running/liveness/pace.ts';
import { defaultLimits, Limits, type LimitPolicy } from './running/limits.ts';
import { createMetrics } from './running/metrics/metrics.ts';
import { openApiBase } from './http/openapi/document.ts';
import { defaultOverload, Overload, type OverloadPolicy } from './running/overload.ts';
import { defaultLogs, MachineLogs, type LogPolicy } from './running/machine-logs.ts';
import { defaultAudit, type AuditPolicy } from './running/audit-log.ts';
import { agentRoutes, checkinPath, heartbeatPath } from './routes/agent.ts';
import { auditRoutes } from './routes/administration/audit.ts';
import { backupRoutes } from './routes/administration/backup.ts';
import { bootRoutes } from './routes/provisioning/boot.ts';
import { conflictRoutes } from './routes/conflicts.ts';
import { damagedRoutes } from './routes/administration/damaged.ts';
import { docsRoutes } from './routes/docs.ts';
import { eventRoutes } from './routes/events.ts';
import { imageRoutes } from './routes/provisioning/images.ts';
import { logRoutes } from './routes/logs.ts';
import { machineRoutes } from './routes/machines.ts';
import { operationRoutes } from './routes/operations.ts';
import { pageRoutes } from './routes/page.ts';
import { sessionRoutes } from './routes/access/sessions.ts';
import { signInRoutes } from './routes/access/sign-in.ts';
import { settingRoutes } from './routes/administration/settings.ts';
import { tagRoutes } from './routes/tags.ts';
import { templateRoutes } from './routes/provisioning/templates.ts';
import { tokenRoutes } from './routes/access/tokens.ts';
import { webhookRoutes } from './routes/administration/webhooks.ts';
import { workflowRoutes } from './routes/provisioning/workflows.ts';
import { SecretBox } from './access/secrets.ts';
import { Networks } from '../webhooks/networks.ts';
import { Receivers, type LookUp } from '../webhooks/receiver.ts';
import { countLost, countPosts, measureWebhooks } from './webhooks/metrics.ts';
import { defaultWebhooks, type WebhookPolicy } from './webhooks/policy.ts';
import { Webhooks } from './webhooks/webhooks.ts';
import type { App, Services } from './services.ts';
import { measureUpkeep } from './running/metrics/upkeep.ts';
import { SshKeys } from './running/ssh-keys.ts';
import { StoreHealth } from './running/store-health.ts';
import { Stopwatch } from './running/stopwatch.ts';
import { countFleet, measureStore, measureFleet } from './running/metrics/fleet.ts';
import { timedStore } from './running/metrics/timed-store.ts';

export interface AppOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log?: Log;
  readonly version?: string;
  /** Returns [0, 1). */
  readonly random?: () => number;
  readonly newId?: () => string;
  readonly auth?: Omit<AuthOptions, 'people'>;
  /** The OpenID provider that operators sign in with. */
  readonly oidc?: OidcOptions | undefined;
  /** Keys for BMC passwords, as in a key file. */
  readonly secretKeys?: string;
  readonly liveness?: Partial<LivenessPolicy>;
  readonly overload?: Partial<OverloadPolicy>;
  readonly limits?: Partial<LimitPolicy>;
  readonly audit?: Partial<AuditPolicy>;
  /** The bounds of what is kept of machines' logs. */
  readonly machineLogs?: Partial<LogPolicy>;
  readonly webhooks?: WebhookOptions;
  /** The size of the store, where it is a file; for the metrics. */
  readonly storeBytes?: (() => number | undefined) | undefined;
  /** The most connections per address. Loopback, where proxies are, may have any number. */
  readonly connectionsPerAddress?: number;
  readonly publicUrl?: string | undefined;
  readonly boot?: BootOptions;
  readonly images?: ImageFolder | undefined;
  readonly tls?: TlsTexts;
  /** Called while the server closes if something that was only in memory could not be written. */
  readonly onUnwritten?: () => void;
}

export interface WebhookOptions {
  /** Addresses and networks that may be posted to besides the public internet, separated by commas. */
  readonly networks?: string | undefined;
  /** CA certificates of receivers, PEM; without them, those of Node. */
  readonly ca?: string | undefined;
  readonly lookUp?: LookUp | undefined;
  readonly policy?: Partial<WebhookPolicy>;
}

/** Adds routes to a server, as each file in routes/ does. */
export type Routes = (app: App, services: Services) => void | Promise<void>;

const routes: readonly Routes[] = [
  agentRoutes,
  bootRoutes,
  imageRoutes,
  machineRoutes,
  logRoutes,
  workflowRoutes,
  templateRoutes,
  tagRoutes,
  conflictRoutes,
  settingRoutes,
  tokenRoutes,
  signInRoutes,
  sessionRoutes,
  webhookRoutes,
  auditRoutes,
  backupRoutes,
  damagedRoutes,
  eventRoutes,
  operationRoutes,
  docsRoutes,
  pageRoutes,
];

/** Builds the server, ready to listen, with `more` routes in addition to its own. Closing it writes whatever
 *  is only in memory, and leaves the store open. */
export async function createApp(options: AppOptions, more: readonly Routes[] = []): Promise<App> {
  const stop = new AbortController();
  const s = createServices(options, stop.signal, await peopleOf(options));
  const newRequestId = countedIds(s.newId());
  const bare: unknown = fastify({
    ...serverOptions(options.tls),
    genReqId: newRequestId,
    // It would also end a close that waits for answers or for the store, with what is only in memory unwritten.
    pluginTimeout: 0,
    // In pipelines.ts it is refused in the form of all errors.
    return503OnClosing: false,
    frameworkErrors: (err, request, reply) => {
      identify(request, reply);
      sendError(err, request, reply, s.log);
    },
    clientErrorHandler: clientErrorAnswerer(newRequestId, (answered) => noteAnswer(s, answered)),
  });
  // One type for HTTP and HTTPS, so that routes see no difference.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const app = bare as App;
  // Schemas of answers only document: all fields of stored records go out as they are.
  app.setSerializerCompiler(() => answerText);
  app.setErrorHandler((err, request, reply) => {
    const sent = sendError(err, request, reply, s.log);
    const status = reply.statusCode;
    if (status === 401 || status === 403) s.metrics.denied.inc({ status });
    return sent;
  });
  takeBodies(app, s);
  readStrictly(app);
  answerUnknown(app);
  noteConnections(app.server);
  limitConnections(app.server, options.connectionsPerAddress ?? 1024);
  setUpConnections(app.server);
  noteCertificate(app.server, options.tls);
  measureUpkeep(s.metrics.registry, {
    version: s.version,
    certificate: () => certificateOf(app.server),
    tokenExpiries: () => s.auth.expiries(),
    storeBytes: s.storeBytes,
  });
  identifyRequests(app);
  const turns = serveInTurn(app, stop.signal);
  guardRequests(app, s);
  await s.webhooks.reload();
  await app.register(swagger, openApiBase(s.version));
  for (const add of [...routes, ...more]) await add(app, s);
  const background = startBackground(s, stop.signal, options.onUnwritten ?? (() => {}));
  app.addHook('preClose', async () => {
    stop.abort();
    await turns.areSent();
    endSilent(app.server);
  });
  app.addHook('onClose', () => background.finish());
  await app.ready();
  // Whoever adds routes may add hooks too, which have to see every request.
  if (more.length === 0) {
    const shortcuts = [heartbeatShortcut(heartbeatPath, s), checkinShortcut(checkinPath, s, turns)];
    addShortcuts(app, shortcuts, s, newRequestId);
  }
  return app;
}

/** Loaded where it is asked for alone. */
async function peopleOf({ oidc, store, clock }: AppOptions): Promise<People | undefined> {
  if (oidc === undefined) return undefined;
  const { People } = await import('./access/oidc/people.ts');
  return new People(oidc, store, clock);
}

function createServices(
  options: AppOptions,
  stopping: AbortSignal,
  people: People | undefined,
): Services {
  const { clock, log = silentLog, random = Math.random, newId = newUuid } = options;
  const events = new Events(newId());
  const liveness = new Liveness(clock, events, random, {
    ...defaultLiveness,
    ...options.liveness,
  });
  const metrics = createMetrics(liveness, events);
  const storeHealth = new StoreHealth(clock);
  const store = timedStore(options.store, clock, metrics, storeHealth);
  const fleet = countFleet(store);
  const sshKeys = new SshKeys(store.settings);
  measureFleet(metrics.registry, fleet, liveness);
  measureStore(metrics.registry, store);
  const secrets = new SecretBox(options.secretKeys ?? '');
  const { networks = '', ca, lookUp, policy } = options.webhooks ?? {};
  const webhooks = new Webhooks({
    store,
    clock,
    log,
    random,
    newId,
    events,
    receivers: new Receivers({
      clock,
      networks: new Networks(networks),
      userAgent: `dragonfly-server/${options.version ?? '0'}`,
      ca,
      lookUp,
    }),
    policy: { ...defaultWebhooks, ...policy },
    secrets,
    onPost: countPosts(metrics.registry),
    onLost: countLost(metrics.registry),
  });
  measureWebhooks(metrics.registry, webhooks.courier);
  return {
    version: options.version ?? '0',
    storeBytes: options.storeBytes,
    store,
    clock,
    log,
    random,
    newId,
    events,
    liveness,
    webhooks,
    decisions: new Decisions(async (machine) => {
      const decision = await decisionFor({ store, clock }, machine);
      const keys = await sshKeys.of(machine);
      return keys.length === 0 ? decision : { ...decision, sshKeys: keys };
    }, clock),
    sshKeys,
    checkins: new Lanes(),
    lastCheckins: new LastCheckins(clock),
    audit: { ...defaultAudit, ...options.audit },
    logs: new MachineLogs({ store, clock, newId }, { ...defaultLogs, ...options.machineLogs }),
    fleet,
    texts: machineTexts({ store, liveness, clock }),
    storeHealth,
    metrics,
    stopping,
    auth: new Auth(store, clock, storeHealth, { ...options.auth, people }),
    overload: new Overload({ ...defaultOverload, ...options.overload }, clock, random, metrics),
    limits: new Limits({ ...defaultLimits, ...options.limits }, clock, metrics),
    secrets,
    stopwatch: new Stopwatch(clock),
    publicUrl: options.publicUrl,
    boot: options.boot ?? {},
    images: options.images,
  };
}
