// A check-in that shows a MAC and nothing else of a machine whose board, disks or ports are known: it is answered,
// and gets neither work nor secrets.
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { checkin, rebootTemplate, startServer, type Answer } from '../harness.ts';

const whole = {
  boot_id: 'a',
  smbios_uuid: '4c4c4544-0051-3510-8052-b4c04f4a3131',
  disks: [{ name: 'sda', size_bytes: 1000, model: 'SSD', serial: 'S1' }],
};

async function scene() {
  const server = await startServer({ auth: { stockAgents: true } });
  const create = (scope: 'enrol' | 'full') =>
    createToken(server.store, systemClock, { name: scope, scope, expiresAt: null });
  const [enrol, full] = [await create('enrol'), await create('full')];
  const as = (method: string, path: string, body?: unknown, token: string | undefined = full) =>
    server.call(method, path, { token, body });
  const checkIn = (more: Record<string, unknown>, token: string | undefined = enrol) =>
    server.call('POST', '/api/agent/checkin', { token, body: checkin(1, more) });
  await as('PUT', '/api/templates/restart', rebootTemplate);
  const first = await checkIn(whole);
  const { machine_id, token } = first.body;
  const { body: workflow } = await as('POST', '/api/workflows', {
    machine_id,
    template: 'restart',
  });
  const template = (own: string): Promise<Answer> =>
    as('GET', `/api/templates/restart?machine_id=${machine_id}`, undefined, own);
  return { server, as, checkIn, machine_id, token, workflow, template };
}

it('a MAC alone is no proof: it waits, and gets neither template nor workflow', async () => {
  const { as, checkIn, machine_id, workflow, template } = await scene();
  const { status, body } = await checkIn({ boot_id: 'b', uptime_seconds: 0 });
  expect([status, body.machine_id, body.action]).toEqual([200, machine_id, 'wait']);
  expect((await template(body.token)).status).toBe(403);
  const path = `/api/workflows/${workflow.metadata.name}`;
  expect((await as('GET', path, undefined, body.token)).status).toBe(403);
  const { body: record } = await as('GET', `/api/machines/${machine_id}`);
  expect(record.report.shows_less).toBe(true);
});

it('a MAC alone puts no line into the log of the machine, until it shows more', async () => {
  const { server, checkIn, machine_id } = await scene();
  const send = (token: string) => {
    const lines = [{ age_ms: 0, source: 'agent', text: 'all is well' }];
    const body = { machine_id, boot_id: 'b', stream: 'agent-b', first: 0, lines };
    return server.call('POST', '/api/agent/logs', { token, body });
  };
  const { body } = await checkIn({ boot_id: 'b', uptime_seconds: 0 });
  expect((await send(body.token)).body.code).toBe('auth.denied');
  const more = await checkIn({ boot_id: 'b', disks: whole.disks });
  expect((await send(more.body.token)).status).toBe(204);
});

it('a part that agrees is proof: the board, a disk', async () => {
  const { checkIn, template } = await scene();
  await checkIn({ boot_id: 'b', uptime_seconds: 0 });
  for (const part of [{ smbios_uuid: whole.smbios_uuid }, { disks: whole.disks }]) {
    const { body } = await checkIn({ boot_id: 'b', ...part });
    expect(body.action).toBe('execute');
    expect((await template(body.token)).status).toBe(200);
  }
});

it("the machine's own token is proof, whatever it shows", async () => {
  const { checkIn, token, template } = await scene();
  const { body } = await checkIn({ boot_id: 'a' }, token);
  expect(body.action).toBe('execute');
  expect((await template(token)).status).toBe(200);
});

it('a stock agent shows its disks by size and model', async () => {
  const { checkIn, machine_id } = await scene();
  const stock = (disks: unknown) => ({ existing_os: null, disks });
  const known = await checkIn(stock([{ name: 'sda', size_bytes: 1000, model: 'SSD' }]));
  expect([known.body.machine_id, known.body.action]).toEqual([machine_id, 'execute']);
});
