// A filled template goes to the machine whose active workflow is made of it, and to operators with full.
import { describe, expect, it } from 'vitest';
import { ManualClock, systemClock, type Clock } from '../../../src/core/clock.ts';
import { createToken, type NewToken } from '../../../src/server/access/tokens.ts';
import { checkin, rebootTemplate, startServer, type TestServer } from '../harness.ts';

const tokenOf = ({ store }: TestServer, scope: NewToken['scope']) =>
  createToken(store, systemClock, { name: scope, scope, expiresAt: null });

const named = (name: string) => ({
  ...rebootTemplate,
  metadata: { name },
  spec: {
    actions: [
      { action: 'writefile', path: '/etc/x', content: 'x: {{ default_password }}' },
      { action: 'reboot' },
    ],
  },
});
const password = 'open-sesame';
const disks = [{ name: 'sda', size_bytes: 480_103_981_056, model: 'SAMSUNG MZ7L3480' }];

async function prepared(stockAgents = false, clock: Clock = systemClock) {
  const server = await startServer({ clock, auth: { stockAgents } });
  const [full, read, enrol] = [
    await tokenOf(server, 'full'),
    await tokenOf(server, 'read'),
    await tokenOf(server, 'enrol'),
  ];
  const as = (method: string, path: string, body?: unknown, token: string | undefined = full) =>
    server.call(method, path, { token, body });
  for (const name of ['install', 'other']) await as('PUT', `/api/templates/${name}`, named(name));
  await as('PUT', '/api/settings/template.default_password', { value: password });
  const order = async (machine_id: string): Promise<string> => {
    const made = await as('POST', '/api/workflows', { machine_id, template: 'install' });
    expect(made.status).toBe(201);
    return made.body.metadata.name;
  };
  return { server, read, enrol, as, order };
}

describe("a machine's token", () => {
  it('gets the template of its active workflow, filled, and no other', async () => {
    const { enrol, as, order } = await prepared();
    const { machine_id: id, token } = (await as('POST', '/api/agent/checkin', checkin(1), enrol))
      .body;
    const get = async (path: string) => {
      const { status, body } = await as('GET', path, undefined, token);
      return [status, JSON.stringify(body).includes(password)];
    };
    const refused = [403, false];
    expect(await get(`/api/templates/install?machine_id=${id}`)).toEqual(refused);
    expect(await get('/api/templates/install')).toEqual(refused);
    const workflow = await order(id);
    expect(await get(`/api/templates/install?machine_id=${id}`)).toEqual([200, true]);
    expect(await get('/api/templates/install')).toEqual([200, true]);
    // The answer is the same for what is there and what is not.
    expect(await get(`/api/templates/other?machine_id=${id}`)).toEqual(refused);
    expect(await get('/api/templates/nothing')).toEqual(refused);
    await as('POST', `/api/workflows/${workflow}/cancel`);
    expect(await get(`/api/templates/install?machine_id=${id}`)).toEqual(refused);
  });
});

describe('an operator', () => {
  it('gets it in clear with full, masked with read, and everybody on a server without tokens', async () => {
    const { read, enrol, as } = await prepared();
    const { machine_id: id } = (await as('POST', '/api/agent/checkin', checkin(1), enrol)).body;
    const path = `/api/templates/other?machine_id=${id}`;
    expect(JSON.stringify((await as('GET', path)).body)).toContain(password);
    const masked = await as('GET', path, undefined, read);
    expect([masked.status, JSON.stringify(masked.body).includes(password)]).toEqual([200, false]);
    const open = await startServer();
    await open.call('PUT', '/api/templates/other', { body: named('other') });
    await open.call('PUT', '/api/settings/template.default_password', {
      body: { value: password },
    });
    const known = (await open.call('POST', '/api/agent/checkin', { body: checkin(1) })).body;
    const filled = await open.call('GET', `/api/templates/other?machine_id=${known.machine_id}`);
    expect(JSON.stringify(filled.body)).toContain(password);
  });
});

describe('an agent without a token, where those are let in', () => {
  const bare = (server: TestServer, method: string, path: string, body?: unknown) =>
    server.call(method, path, { body });

  it('does the work of its own machine, and sees nothing of others', async () => {
    const { server, enrol, as, order } = await prepared(true);
    const own = { ...checkin(1), disks };
    const { machine_id: id } = (await bare(server, 'POST', '/api/agent/checkin', own)).body;
    const ours = { ...checkin(2), boot_id: 'a', sequence: 1, uptime_seconds: 1 };
    const other = (await as('POST', '/api/agent/checkin', ours, enrol)).body.machine_id;
    const [mine, theirs] = [await order(id), await order(other)];
    const closed = [
      `/api/workflows/${theirs}`,
      `/api/templates/install?machine_id=${other}`,
      `/api/templates/other?machine_id=${id}`,
      '/api/templates/install',
    ];
    for (const path of closed)
      expect([path, (await bare(server, 'GET', path)).status]).toEqual([path, 403]);
    const event = { type: 'started' };
    expect((await bare(server, 'POST', `/api/workflows/${theirs}/events`, event)).status).toBe(403);
    const beat = await bare(server, 'POST', '/api/agent/heartbeat', { machine_id: other });
    expect([beat.status, beat.body.code]).toEqual([404, 'machine.unknown']);
    expect((await bare(server, 'GET', `/api/workflows/${mine}`)).status).toBe(200);
    const filled = await bare(server, 'GET', `/api/templates/install?machine_id=${id}`);
    expect([filled.status, JSON.stringify(filled.body).includes(password)]).toEqual([200, true]);
    expect((await bare(server, 'POST', `/api/workflows/${mine}/events`, event)).status).toBe(204);
  });

  it('gets no work once it showed other disks than the record, however often it comes again', async () => {
    const clock = new ManualClock(new Date());
    const { server, order } = await prepared(true, clock);
    const hello = (shown: unknown) =>
      bare(server, 'POST', '/api/agent/checkin', { ...checkin(1), disks: shown });
    const { machine_id: id } = (await hello(disks)).body;
    const workflow = await order(id);
    const another = [{ name: 'sda', size_bytes: 21_474_836_480, model: 'QEMU HARDDISK' }];
    const template = `/api/templates/install?machine_id=${id}`;
    // The machine is silent, or the other one would be told apart by its disks at once.
    await clock.advance(600_000);
    for (let i = 0; i < 3; i += 1) {
      await hello(another);
      expect((await bare(server, 'GET', template)).status).toBe(403);
      expect((await bare(server, 'GET', `/api/workflows/${workflow}`)).status).toBe(403);
    }
  });

  it('goes on with its work after the server started anew, from the address of its check-in alone', async () => {
    const { server, order } = await prepared(true);
    const claimed = '192.0.2.7';
    const own = { ...checkin(1), disks, ip_address: claimed };
    const { machine_id: id } = (await bare(server, 'POST', '/api/agent/checkin', own)).body;
    const workflow = await order(id);
    const again = await startServer({ store: server.store, auth: { stockAgents: true } });
    const event = { type: 'started' };
    const path = `/api/workflows/${workflow}/events`;
    expect((await bare(again, 'POST', path, event)).status).toBe(204);
    const template = `/api/templates/install?machine_id=${id}`;
    const from = async (remoteAddress: string): Promise<number> =>
      (await again.app.inject({ url: template, remoteAddress })).statusCode;
    expect([await from('127.0.0.1'), await from(claimed)]).toEqual([200, 403]);
  });
});
