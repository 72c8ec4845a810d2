// Notes in the audit log what operators change, after it was done and before it is answered, and who got a backup.
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { describeError } from '../../core/errors.ts';
import { isSecret } from '../../model/secret-setting.ts';
import { withoutLogSecrets } from '../../core/text/credentials.ts';
import { shownUrl, withoutCredentials } from '../../core/text/shown-url.ts';
import { isForOperators, isOperator, nameOf } from '../access/principal.ts';
import { etag } from '../rules/etag.ts';
import { mask } from '../rules/settings/secret-settings.ts';
import { appendAudit, type AuditServices } from '../running/audit-log.ts';
import type { Log } from '../../core/log.ts';

export interface AuditingServices extends AuditServices {
  readonly log: Log;
}

/** Adds this to a route by which operators change something, and to one of agents for the operators who call it. */
export function audit(route: RouteOptions, s: AuditingServices): void {
  const changes = [route.method].flat().some((method) => method !== 'GET' && method !== 'HEAD');
  const { access = changes ? 'full' : 'read', changesNothing, isAudited } = route.config ?? {};
  if (changesNothing === true) return;
  if (!changes && isAudited !== true) return;
  const isForAgents = access === 'agent';
  if (!isForAgents && (access === 'read' || !isForOperators(access))) return;
  const onSend = async (
    request: FastifyRequest,
    reply: FastifyReply,
    answer: unknown,
  ): Promise<void> => {
    if (reply.statusCode >= 300 || Object(request.body).dry_run === true) return;
    if (isForAgents && !isOperator(request.principal)) return;
    try {
      await appendAudit(s, entryOf(request, reply, answer));
    } catch (err) {
      // The change is done, so answering with a failure would be wrong.
      s.log.error({ error: describeError(err), request_id: request.id }, 'not in the audit log');
    }
  };
  route.onSend = [onSend, route.onSend ?? []].flat();
}

function entryOf(request: FastifyRequest, reply: FastifyReply, answer: unknown) {
  const [, , kind = '', ...rest] = (request.routeOptions.url ?? '').split('/');
  return {
    by: nameOf(request.principal),
    from: request.ip,
    action: `${kind}.${verbOf(request.method, rest)}`,
    records: [
      ...recordsOf(kind, request, reply),
      ...(kind === 'workflows' ? machineOf(answer) : []),
    ],
    change: changeOf(kind, request),
    request_id: request.id,
  };
}

/** The last word of the address, as in "cancel", or else that of the method. */
function verbOf(method: string, rest: readonly string[]): string {
  const last = rest.at(-1);
  if (last !== undefined && !last.startsWith(':')) return last;
  return method === 'POST' ? 'create' : method.toLowerCase();
}

function recordsOf(kind: string, request: FastifyRequest, reply: FastifyReply): string[] {
  const names = Object.values<unknown>(Object(request.params));
  if (kind === 'damaged') return [names.join('/')];
  const [name] = names;
  if (typeof name === 'string') return [`${kind}/${name.toLowerCase()}`];
  const { ids, machine_id } = Object(request.body);
  if (kind === 'agent') return [`machines/${String(machine_id).toLowerCase()}`];
  if (Array.isArray(ids)) return ids.map((id) => `${kind}/${String(id).toLowerCase()}`);
  const made = reply.getHeader('location');
  return typeof made === 'string' ? [made.replace('/api/', '')] : [];
}

/** The machine of the workflow in the answer: a change to a workflow is a change to its machine. */
function machineOf(answer: unknown): string[] {
  const document: unknown = typeof answer === 'string' && answer !== '' ? JSON.parse(answer) : {};
  const { spec }: { spec?: { hardwareRef?: unknown } } = Object(document);
  return typeof spec?.hardwareRef === 'string' ? [`machines/${spec.hardwareRef}`] : [];
}

/** The body of the request, without secrets. Of a template, which may be long, its tag and actions. */
function changeOf(kind: string, { body, params }: FastifyRequest): unknown {
  if (kind === 'templates' && body !== undefined) {
    const actions: { action?: unknown }[] = Object(body).spec?.actions ?? [];
    return { etag: etag(body), actions: actions.map(({ action }) => action) };
  }
  const { ids, plan_digests: _shown, ...rest } = Object(body);
  if (Array.isArray(ids)) return { machines: ids.length, ...rest };
  if (kind === 'webhooks' && body !== undefined)
    return withoutSecrets({ ...rest, ...shownReceiver(rest) });
  if (kind === 'agent') return { ...rest, lines: rest.lines.length };
  const { key } = Object(params);
  const isHidden = kind === 'settings' && isSecret({ key, ...rest });
  return withoutSecrets(isHidden ? { ...rest, value: mask } : (body ?? null));
}

/** The host of a receiver in place of its address: for many receivers the path is the password. */
function shownReceiver({ url }: { url?: unknown }): { url?: string } {
  return typeof url === 'string' ? { url: `${new URL(url).origin}/${mask}` } : {};
}

function withoutSecrets(value: unknown): unknown {
  if (typeof value === 'string') return withoutLogSecrets(withoutUrlSecrets(value));
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      isSecret({ key }) ? mask : withoutSecrets(item),
    ]),
  );
}

/** An address without its user and query, where a password, a token or a signature may be. */
function withoutUrlSecrets(text: string): string {
  const { username, password, search } = URL.parse(text) ?? {};
  return username || password || search ? shownUrl(text) : withoutCredentials(text);
}
