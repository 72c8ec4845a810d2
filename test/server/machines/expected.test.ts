// Machines that are entered by hand, before they boot.
import { describe, expect, it } from 'vitest';
import { checkin, imageTemplate, startServer, type TestServer } from '../harness.ts';

const mac = '02:00:00:00:00:07';
const enter = (server: TestServer, body: Record<string, unknown>) =>
  server.call('POST', '/api/machines', { body });

describe('a machine that is entered by hand', () => {
  it('has a record with what was said, and a place to find it at', async () => {
    const server = await startServer();
    await server.call('PUT', '/api/templates/debian', { body: imageTemplate });
    const { status, headers, body } = await enter(server, {
      mac: '02-00-00-00-00-07',
      name: 'db-1',
      tags: ['rack-4'],
      os_choice: 'debian',
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/api/machines/${body.id}`);
    const read = await server.call('GET', `/api/machines/${body.id}`);
    expect(read.headers.get('etag')).toBe(headers.get('etag'));
    expect(read.body).toMatchObject({
      identity: { primary_mac: mac, all_macs: [mac], smbios_uuid: null },
      status: { state: 'Ready', last_seen: null },
      config: { hostname: 'db-1', tags: ['rack-4'], os_choice: 'debian' },
      metadata: { source: 'Manual' },
      liveness: null,
    });
  });

  it.each([
    ['its MAC alone', { mac }],
    ['one of its ports', { mac: '02:00:00:00:00:09' }],
    [
      'its identity',
      { identity: { primary_mac: mac, smbios_uuid: '4c4c4544-0042-4410-8052-b4c04f4e3432' } },
    ],
  ])('by %s is the one that its first check-in is matched with', async (_by, body) => {
    const server = await startServer();
    const made = await enter(server, { ...body, tags: ['rack-4'] });
    const { body: answer } = await server.call('POST', '/api/agent/checkin', {
      body: checkin(7, {
        boot_id: 'a',
        agent_version: '0.2.0',
        all_macs: [mac, '02:00:00:00:00:09'],
        smbios_uuid: '4c4c4544-0042-4410-8052-b4c04f4e3432',
      }),
    });
    expect([answer.machine_id, answer.is_new]).toEqual([made.body.id, false]);
    const { body: machine } = await server.call('GET', `/api/machines/${made.body.id}`);
    expect(machine.config.tags).toEqual(['rack-4']);
    expect(machine.identity.all_macs).toEqual([mac, '02:00:00:00:00:09']);
    expect(machine.metadata.source).toBe('Manual');
    expect(machine.liveness).toBe('online');
  });

  it('may be entered with null for what is not known', async () => {
    const server = await startServer();
    const none = { tags: null, labels: null, os_choice: null, bmc: null, name: null };
    const byMac = await enter(server, { ...none, mac, identity: null });
    expect([byMac.status, byMac.body.config?.tags, byMac.body.metadata?.labels]).toEqual([
      201,
      [],
      {},
    ]);
    const other = { primary_mac: '02:00:00:00:00:0a', all_macs: null, smbios_uuid: null };
    const byIdentity = await enter(server, { ...none, mac: null, identity: other });
    expect(byIdentity.body.identity).toMatchObject({ all_macs: ['02:00:00:00:00:0a'] });
    const nobody = await enter(server, { ...none, mac: null, identity: null });
    expect([nobody.status, nobody.body.path]).toEqual([422, 'mac']);
  });

  it('may have its workflow waiting when it boots for the first time', async () => {
    const server = await startServer();
    await server.call('PUT', '/api/templates/debian', { body: imageTemplate });
    const { body } = await enter(server, { mac, os_choice: 'debian' });
    const made = await server.call('POST', '/api/workflows', { body: { machine_id: body.id } });
    const script = await server.call('GET', `/boot/${mac}`);
    expect(script.body).toContain(`dragonfly.workflow=${made.body.metadata.name}`);
  });

  it('is not entered twice, nor beside one that checked in', async () => {
    const server = await startServer();
    const first = await enter(server, { mac });
    const twice = await Promise.all(Array.from({ length: 5 }, () => enter(server, { mac })));
    expect(new Set(twice.map(({ status }) => status))).toEqual(new Set([409]));
    expect(twice[0]?.body).toMatchObject({ code: 'machine.exists', machine_id: first.body.id });
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(8) });
    const beside = await enter(server, { mac: checkin(8).mac });
    expect(beside.body).toMatchObject({ code: 'machine.exists', machine_id: body.machine_id });
  });

  it.each([
    ['nothing to know it by', {}],
    ['both a MAC and an identity', { mac, identity: { primary_mac: mac } }],
    ['no MAC', { mac: 'db-1' }],
    ['an address that no interface has', { mac: 'ff:ff:ff:ff:ff:ff' }],
    ['a field that there is not', { mac, state: 'Provisioned' }],
    ['a template that there is not', { mac, os_choice: 'gone' }],
  ])('is refused with %s', async (_what, body) => {
    const server = await startServer();
    const { status } = await enter(server, body);
    expect(status).toBe('os_choice' in body ? 404 : 422);
    expect((await server.call('GET', '/api/machines')).body.machines).toEqual([]);
  });
});
