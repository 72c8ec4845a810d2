// Every route that changes something, as the OpenAPI document lists them: a request of an operator that is done is one entry of
// the audit log, with its sender and its record.
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { createToken, type NewToken } from '../../../src/server/access/tokens.ts';
import { routes } from '../http/hostile.ts';
import { checkin, rebootTemplate, startServer, type Answer } from '../harness.ts';

/** Those whose requests stay out of it: they change nothing, or come from a machine. */
const others: ReadonlySet<string> = new Set([
  'POST /api/agent/heartbeat',
  'POST /api/templates/{name}/try',
  'POST /api/workflows/{id}/report',
]);

interface Sent {
  readonly path?: string;
  readonly body?: unknown;
  /** The records of its entry, where they are not what is in its path. */
  readonly records?: readonly string[];
  readonly action: string;
}

const conflictId = (n: number): string => `01890000-0000-7000-8000-00000000000${n}`;

async function prepared() {
  const lookUp = async () => [{ address: '192.0.2.1', family: 4 }];
  const server = await startServer({ webhooks: { lookUp } });
  const tokenOf = (name: string, scope: NewToken['scope']): Promise<string> =>
    createToken(server.store, systemClock, { name, scope, expiresAt: null });
  const full = await tokenOf('Ops', 'full');
  const enrol = await tokenOf('Rack', 'enrol');
  const register = async (n: number): Promise<string> => {
    const body = checkin(n, { boot_id: 'a' });
    return (await server.call('POST', '/api/agent/checkin', { token: enrol, body })).body
      .machine_id;
  };
  const as = (method: string, path: string, body?: unknown): Promise<Answer> =>
    server.call(method, path, { token: full, body });
  const machines = [await register(1), await register(2), await register(3)];
  await tokenOf('Spare', 'read');
  await as('PUT', '/api/templates/restart', rebootTemplate);
  const workflow = async (machine = ''): Promise<string> => {
    const body = { machine_id: machine, template: 'restart' };
    return (await as('POST', '/api/workflows', body)).body.metadata.name;
  };
  return { server, as, machines, workflow };
}

type Prepared = Awaited<ReturnType<typeof prepared>>;

/** A request of each route that is done, made when its turn comes. */
function requests({ server, as, machines, workflow }: Prepared) {
  const [first = '', second = '', third = ''] = machines;
  const hook = { name: 'inventory', url: 'https://hooks.example/dragonfly' };
  const conflict = async (n: number): Promise<void> => {
    await server.store.conflicts.put({
      id: conflictId(n),
      machine_id: second,
      reason: 'contradicted',
      candidates: [{ machine_id: third, evidence: ['one MAC is the same'] }],
      created_at: '2026-01-01T00:00:00Z',
      resolution: null,
    });
  };
  const sent: Record<string, () => Sent | Promise<Sent>> = {
    'POST /api/agent/checkin': () => ({
      body: checkin(1, { boot_id: 'a', machine_id: '0'.repeat(31) + '1', dry_run: true }),
      records: [`machines/${first}`],
      action: 'agent.checkin',
    }),
    'POST /api/machines': () => ({
      body: { mac: '02:00:00:00:01:00' },
      records: [expect.stringMatching(/^machines\/[-0-9a-f]{36}$/)],
      action: 'machines.create',
    }),
    'PATCH /api/machines/{id}': () => ({
      path: `machines/${first.toUpperCase()}`,
      body: { tags: ['Rack-1'] },
      records: [`machines/${first}`],
      action: 'machines.patch',
    }),
    'POST /api/machines/bulk': () => ({
      body: { ids: [first], add_tags: ['Rack-2'] },
      records: [`machines/${first}`],
      action: 'machines.bulk',
    }),
    'DELETE /api/tags/{tag}': () => ({ path: 'tags/Rack-2', action: 'tags.delete' }),
    'POST /api/agent/logs': () => ({
      body: {
        machine_id: first,
        boot_id: 'a',
        stream: 's',
        first: 0,
        lines: [{ age_ms: 0, source: 'agent', text: 'all is well' }],
        dry_run: true,
      },
      records: [`machines/${first}`],
      action: 'agent.logs',
    }),
    'POST /api/workflows': () => ({
      body: { machine_id: first, template: 'restart' },
      records: [expect.stringMatching(/^workflows\/[-0-9a-f]{36}$/), `machines/${first}`],
      action: 'workflows.create',
    }),
    'POST /api/workflows/{id}/cancel': async () => {
      const id = await workflow(second);
      const records = [`workflows/${id}`, `machines/${second}`];
      return { path: `workflows/${id}/cancel`, records, action: 'workflows.cancel' };
    },
    'POST /api/workflows/{id}/events': async () => {
      const id = await workflow(second);
      const body = { type: 'started', boot_id: 'a', dry_run: true };
      const records = [`workflows/${id}`];
      return { path: `workflows/${id}/events`, body, records, action: 'workflows.events' };
    },
    'POST /api/workflows/{id}/release': async () => {
      const id = await workflow(third);
      for await (const { value } of server.store.workflows.allBy('machine', third))
        await server.store.workflows.put({ ...value, held: 'it was restored' });
      const records = [`workflows/${id}`, `machines/${third}`];
      return { path: `workflows/${id}/release`, records, action: 'workflows.release' };
    },
    'PUT /api/templates/{name}': () => ({
      path: 'templates/Other',
      body: { ...rebootTemplate, metadata: { name: 'Other' } },
      action: 'templates.put',
    }),
    'DELETE /api/templates/{name}': () => ({ path: 'templates/Other', action: 'templates.delete' }),
    'PUT /api/settings/{key}': () => ({
      path: 'settings/Rack.note',
      body: { value: 'b' },
      action: 'settings.put',
    }),
    'DELETE /api/settings/{key}': () => ({
      path: 'settings/Rack.note',
      action: 'settings.delete',
    }),
    'POST /api/tokens': () => ({
      body: { name: 'New', scope: 'read' },
      records: ['tokens/New'],
      action: 'tokens.create',
    }),
    'DELETE /api/tokens/{name}': () => ({ path: 'tokens/New', action: 'tokens.delete' }),
    'POST /api/webhooks': () => ({
      body: hook,
      records: ['webhooks/inventory'],
      action: 'webhooks.create',
    }),
    'PATCH /api/webhooks/{name}': () => ({
      path: 'webhooks/inventory',
      body: { enabled: false },
      action: 'webhooks.patch',
    }),
    'POST /api/webhooks/{name}/rotate': () => ({
      path: 'webhooks/inventory/rotate',
      records: ['webhooks/inventory'],
      action: 'webhooks.rotate',
    }),
    'POST /api/webhooks/{name}/test': () => ({
      path: 'webhooks/inventory/test',
      records: ['webhooks/inventory'],
      action: 'webhooks.test',
    }),
    'POST /api/webhooks/{name}/redeliver': () => ({
      path: 'webhooks/inventory/redeliver',
      body: {},
      records: ['webhooks/inventory'],
      action: 'webhooks.redeliver',
    }),
    'DELETE /api/webhooks/{name}': () => ({
      path: 'webhooks/inventory',
      action: 'webhooks.delete',
    }),
    'POST /api/conflicts/{id}/split': async () => {
      await conflict(1);
      const records = [`conflicts/${conflictId(1)}`, `machines/${second}`];
      return { path: `conflicts/${conflictId(1)}/split`, records, action: 'conflicts.split' };
    },
    'POST /api/conflicts/{id}/reopen': () => ({
      path: `conflicts/${conflictId(1)}/reopen`,
      records: [`conflicts/${conflictId(1)}`, `machines/${second}`],
      action: 'conflicts.reopen',
    }),
    'POST /api/conflicts/{id}/accept': async () => {
      for (const machine_id of [second, third])
        await as('POST', '/api/machines/bulk', { ids: [machine_id], cancel: true });
      await conflict(2);
      return {
        path: `conflicts/${conflictId(2)}/accept`,
        body: {},
        records: [`conflicts/${conflictId(2)}`, `machines/${second}`, `machines/${third}`],
        action: 'conflicts.accept',
      };
    },
    'DELETE /api/machines/{id}': async () => {
      await as('POST', '/api/machines/bulk', { ids: [first], cancel: true });
      return { path: `machines/${first}`, action: 'machines.delete' };
    },
    'POST /api/sessions': () => ({
      body: { days: 1 },
      records: [expect.stringMatching(/^sessions\/[0-9a-f]{16}$/)],
      action: 'sessions.create',
    }),
    'DELETE /api/sessions/{id}': async () => {
      const { body } = await as('POST', '/api/sessions', { days: 1 });
      return { path: `sessions/${body.id}`, action: 'sessions.delete' };
    },
    'DELETE /api/sessions': () => ({ records: [], action: 'sessions.delete' }),
  };
  return sent;
}

it('each route that changes something makes one entry for an operator who does so', async () => {
  const fleet = await prepared();
  const { as } = fleet;
  const sent = requests(fleet);
  const changing = routes
    .filter(({ method, path }) => method !== 'GET' && path.startsWith('/api/'))
    .map(({ method, path }) => `${method} ${path}`)
    .filter((route) => !others.has(route));
  const made: unknown[] = [];
  const wanted: unknown[] = [];
  const log = async (): Promise<{ id: string }[]> =>
    (await as('GET', '/api/audit?limit=1000')).body.entries;
  for (const [route, prepare] of Object.entries(sent)) {
    const [method = '', path = ''] = route.split(' ');
    const { path: own, body, records, action } = await prepare();
    const before = new Set((await log()).map(({ id }) => id));
    const answer = await as(method, own === undefined ? path : `/api/${own}`, body);
    const entries = (await log()).filter(({ id }) => !before.has(id));
    made.push([route, answer.status < 300 || answer.body, entries]);
    const entry = { by: 'Ops', from: '127.0.0.1', action, records: records ?? [own] };
    wanted.push([route, true, [expect.objectContaining(entry)]]);
  }
  expect(made).toEqual(wanted);
  expect(changing.filter((route) => !Object.hasOwn(sent, route))).toEqual([
    // Signing out has its own test, since it takes a session.
    'POST /api/sign-out',
    // Only a record that cannot be read goes by it.
    'DELETE /api/damaged/{table}/{name}',
  ]);
});
