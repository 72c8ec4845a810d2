// Notes in the audit log what operators change, after it was done and before it is answered, and who got a backup.
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { describeError } from '../../core/errors.ts';
import { isUuid } from '../../identity/uuid.ts';
import { isSecret } from '../../model/secret-setting.ts';
import { withoutLogSecrets } from '../../core/text/credentials.ts';
import { shownUrl, withoutCredentials } from '../../core/text/shown-url.ts';
import { isForOperators, nameOf, speaksAsOperator } from '../access/principal.ts';
import { etag } from '../rules/etag.ts';
import { mask } from '../rules/settings/secret-settings.ts';
import { appendAudit, type AuditServices } from '../running/audit-log.ts';
import type { Log } from '../../core/log.ts';
import type { AgentsEntries } from './agents-entries.ts';

export interface AuditingServices extends AuditServices {
  readonly log: Log;
}

/** Adds this to a route by which operators change something, and to one of agents for the operators who call it. */
export function audit(route: RouteOptions, s: AuditingServices, agents: AgentsEntries): void {
  const changes = [route.method].flat().some((method) => method !== 'GET' && method !== 'HEAD');
  const { access = changes ? 'full' : 'read', changesNothing, isAudited } = route.config ?? {};
  if (changesNothing === true) return;
  if (!changes && isAudited !== true) return;
  const isForAgents = access === 'agent' || access === 'enrol';
  const hasDryRun = 'dry_run' in Object(Object(route.schema?.body).properties);
  if (!isForAgents && (access === 'read' || !isForOperators(access))) return;
  const onSend = async (
    request: FastifyRequest,
    reply: FastifyReply,
    answer: unknown,
  ): Promise<void> => {
    if (reply.statusCode >= 300) return;
    if (hasDryRun && Object(request.body).dry_run === true) return;
    if (isForAgents && !speaksAsOperator(request.principal)) return;
    try {
      const entry = entryOf(request, reply, answer);
      const write = () => appendAudit(s, entry);
      await (isForAgents ? agents.once(entry, write) : write());
    } catch (err) {
      // The change is done, so answering with a failure would be wrong.
      s.log.error({ error: describeError(err), request_id: request.id }, 'not in the audit log');
    }
  };
  route.onSend = [onSend, route.onSend ?? []].flat();
}

function entryOf(request: FastifyRequest, reply: FastifyReply, answer: unknown) {
  const [, , kind = '', ...rest] = (request.routeOptions.url ?? '').split('/');
  const verb = verbOf(request.method, rest);
  return {
    by: nameOf(request.principal),
    from: request.ip,
    action: `${kind}.${verb}`,
    records: [...recordsOf(kind, verb, request, reply), ...machinesOf(kind, answer)],
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

function recordsOf(
  kind: string,
  verb: string,
  request: FastifyRequest,
  reply: FastifyReply,
): string[] {
  const names = Object.values<unknown>(Object(request.params));
  if (kind === 'damaged') return [names.join('/')];
  const [name] = names;
  if (typeof name === 'string') return [`${kind}/${asStored(name)}`];
  const { ids, machine_id } = Object(request.body);
  // In a check-in this is the machine-id of the operating system.
  if (kind === 'agent') return verb === 'checkin' ? [] : [ofMachine(String(machine_id))];
  if (Array.isArray(ids)) return ids.map((id) => `${kind}/${asStored(String(id))}`);
  const made = reply.getHeader('location');
  return typeof made === 'string' ? [made.replace('/api/', '')] : [];
}

/** The name of a record as it is stored. */
function asStored(name: string): string {
  return isUuid(name) ? name.toLowerCase() : name;
}

function ofMachine(id: string): string {
  return `machines/${asStored(id)}`;
}

/** The machines that the answer is about: a change to a workflow, and what is decided of a conflict, changes them too, and
 *  who checks in learns only from the answer which one it is. */
function machinesOf(kind: string, answer: unknown): string[] {
  if (!answersWithMachine.has(kind) || typeof answer !== 'string' || answer === '') return [];
  const { spec, machine_id, resolution } = Object(JSON.parse(answer));
  const ids: unknown[] = [Object(spec).hardwareRef, machine_id, Object(resolution).into];
  return ids.filter((id) => typeof id === 'string').map(ofMachine);
}

const answersWithMachine: ReadonlySet<string> = new Set(['workflows', 'conflicts', 'agent']);

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
  if (Array.isArray(rest.lines)) return { ...rest, lines: rest.lines.length };
  // The machine's record has its hardware.
  if (kind === 'agent') return withoutSecrets(plainFields(rest));
  const { key } = Object(params);
  const isHidden = kind === 'settings' && isSecret({ key, ...rest });
  return withoutSecrets(isHidden ? { ...rest, value: mask } : (body ?? null));
}

function plainFields(body: object): object {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => typeof value !== 'object'));
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
