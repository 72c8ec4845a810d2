import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stringifyExact } from '../../src/core/text/exact-json.ts';
import { computeIdentityHash } from '../../src/identity/hash.ts';
import { CheckinRequest } from '../../src/model/api/agent.ts';
import { openStore } from '../../src/store/open.ts';
import { checkin, imageTemplate, request, startServer, temporaryDirectory } from './harness.ts';

it('answers a check-in with a machine and a repeat of it with the same one', async () => {
  const server = await startServer();
  const body = checkin(1, { boot_id: 'b1', sequence: 1 });
  const first = await server.call('POST', '/api/agent/checkin', { body });
  const again = await server.call('POST', '/api/agent/checkin', { body });
  expect(first.status).toBe(200);
  expect(first.body).toMatchObject({ is_new: true, action: 'wait', matched_by: 'new' });
  expect(again.body).toMatchObject({ is_new: true, machine_id: first.body.machine_id });
  const list = await server.call('GET', '/api/machines');
  expect(list.body.machines).toHaveLength(1);
  expect(list.body.next_cursor).toBeNull();
});

it('refuses an identity hash that the fields do not give, with both values', async () => {
  const server = await startServer();
  const body = checkin(1, { identity_hash: 'f'.repeat(64) });
  const answer = await server.call('POST', '/api/agent/checkin', { body });
  expect(answer.status).toBe(422);
  expect(answer.body.code).toBe('identity.mismatch');
  expect(JSON.stringify(answer.body)).toContain('f'.repeat(64));
  expect(JSON.stringify(answer.body)).toContain(computeIdentityHash([body.mac], null, null));
  expect((await server.call('GET', '/api/machines')).body.machines).toEqual([]);
});

it.each([
  ['no MAC', { hostname: 'a' }],
  ['a MAC that is none', { mac: 'no-mac' }],
  ['a MAC that is a number', { mac: 1 }],
])('refuses a check-in with %s, and names the field', async (_name, body) => {
  const server = await startServer();
  const answer = await server.call('POST', '/api/agent/checkin', { body });
  expect(answer.status).toBe(422);
  expect(answer.body).toMatchObject({ code: 'request.invalid', path: 'mac' });
});

it('sends an unknown machine that beats to check in', async () => {
  const server = await startServer();
  const body = { machine_id: '01890000-0000-7000-8000-000000000000' };
  const answer = await server.call('POST', '/api/agent/heartbeat', { body });
  expect(answer.status).toBe(404);
  expect(answer.body.code).toBe('machine.unknown');
});

it('serves a stock Dragonfly agent from check-in to the end of its workflow', async () => {
  const server = await startServer();
  const stock = {
    mac: '04:7C:16:EB:74:ED',
    hostname: 'localhost',
    ip_address: '192.0.2.7',
    existing_os: null,
    cpu_model: 'AMD EPYC 7302P',
    cpu_cores: 16,
    memory_bytes: 68_719_476_736,
    disks: [{ name: 'nvme0n1', size_bytes: 512_110_190_592 }],
    nameservers: ['192.0.2.1'],
  };
  const { body: hello } = await server.call('POST', '/api/agent/checkin', { body: stock });
  expect(hello).toMatchObject({ memorable_name: 'ElephantArenaPunchOval', action: 'wait' });
  await server.call('PUT', '/api/templates/debian', { body: imageTemplate });
  const created = await server.call('POST', '/api/workflows', {
    body: { machine_id: hello.machine_id, template: 'debian' },
  });
  expect(created.status).toBe(201);
  const { body: again } = await server.call('POST', '/api/agent/checkin', { body: stock });
  expect(again).toMatchObject({ is_new: false, action: 'execute' });
  const path = `/api/workflows/${again.workflow_id}`;
  const { body: workflow } = await server.call('GET', path);
  expect(workflow).toMatchObject({
    kind: 'Workflow',
    metadata: { name: again.workflow_id },
    spec: { hardwareRef: hello.machine_id, templateRef: 'debian' },
    status: { state: 'STATE_PENDING' },
  });
  const { body: template } = await server.call(
    'GET',
    `/api/templates/${workflow.spec.templateRef}?machine_id=${hello.machine_id}`,
  );
  expect(template.spec.actions[0].url).toBe(`${server.url}/images/debian.raw`);
  expect(template.spec.actions[1].content).toBe('ElephantArenaPunchOval\n');
  for (const event of [
    { type: 'started' },
    { type: 'action_started', action: 'image2disk' },
    {
      type: 'action_progress',
      action: 'image2disk',
      progress: {
        percent: 50,
        message: 'half',
        bytes_transferred: 5,
        bytes_total: 10,
        eta_secs: 1,
      },
    },
    { type: 'action_completed', action: 'image2disk', success: true },
    { type: 'action_started', action: 'writefile' },
    { type: 'action_completed', action: 'writefile', success: true },
    { type: 'completed', success: true },
  ]) {
    const told = { ...event, workflow: again.workflow_id };
    expect((await server.call('POST', `${path}/events`, { body: told })).status).toBe(204);
  }
  expect((await server.call('GET', path)).body.status).toMatchObject({
    state: 'STATE_SUCCESS',
    progress: 100,
  });
  const { body: machine } = await server.call('GET', `/api/machines/${hello.machine_id}`);
  expect(machine.status).toMatchObject({ state: 'Provisioned', current_workflow: null });
  const installed = { ...stock, existing_os: { name: 'Debian 12', device: '/dev/nvme0n1p1' } };
  const { body: back } = await server.call('POST', '/api/agent/checkin', { body: installed });
  expect(back).toMatchObject({ action: 'localboot', workflow_id: null });
});

it('has a check-in on disk when it answers: kill -9 right after loses nothing', async () => {
  const data = `${temporaryDirectory()}/data`;
  const start = async () => {
    const child = spawn(
      process.execPath,
      ['src/cli/dragonfly-server.ts', '--listen', '127.0.0.1:0', '--data', data],
      { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, DRAGONFLY_LOG: 'error' } },
    );
    // After a kill it says first that it checks the data.
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /listens on (\S+)/.exec(line)?.[1];
      if (url !== undefined) return { child, url };
    }
    throw new Error('the server ended');
  };
  const first = await start();
  const { body } = await request(first.url, 'POST', '/api/agent/checkin', { body: checkin(7) });
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const second = await start();
  const { body: list } = await request(second.url, 'GET', '/api/machines');
  expect(list.machines.map((m: { id: string }) => m.id)).toEqual([body.machine_id]);
  second.child.kill('SIGTERM');
  expect(await once(second.child, 'exit')).toEqual([0, null]);
});

it('takes a check-in with text and numbers beyond its limits, and says what it left out', async () => {
  const server = await startServer();
  const body = `{"mac":"02:00:00:00:00:01","cpu_model":"${'x'.repeat(300)}","cpu_cores":4294967296,
    "memory_bytes":18446744073709551616,"gpus":null,"hostname":"a\ud800b","uptime_seconds":-1}`;
  const { status, body: answer } = await server.call('POST', '/api/agent/checkin', { body });
  expect(status).toBe(200);
  const { body: machine } = await server.call('GET', `/api/machines/${answer.machine_id}`);
  expect(machine.hardware).toMatchObject({
    cpu_model: 'x'.repeat(256),
    cpu_cores: null,
    memory_bytes: null,
  });
  expect(machine.report.hostname).toBe('a\ufffdb');
  expect(machine.report.problems).toMatchObject([
    { code: 'wire.out-of-range', section: 'cpu_cores' },
    { code: 'wire.out-of-range', section: 'memory_bytes' },
  ]);
});

/** Values of every kind of JSON, none of them a MAC. */
const junk = fc.oneof(
  fc.constantFrom(null, true, 0, -1, 1.5, 1e300, 2n ** 64n, '', 'x'.repeat(5000), [], {}, [null]),
  fc.constantFrom([{}], [[]], { name: null, device: null }, { name: 'x' }, [{ name: 1 }]),
  // A body with such keys is refused before it is anybody's check-in.
  fc
    .jsonValue({ maxDepth: 3 })
    .filter((value) => !/"(?:__proto__|constructor)":/.test(JSON.stringify(value))),
);
const optionalFields = Object.keys(CheckinRequest.properties).filter((name) => name !== 'mac');
/** A hash that is a text is compared with the fields, and refused if they do not give it. */
const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';

it('registers a machine by its MAC, whatever the other fields hold', async () => {
  const server = await startServer({ store: await openStore('memory:') });
  let n = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.record(Object.fromEntries(optionalFields.map((name) => [name, junk])), {
        requiredKeys: [],
      }),
      async (fields) => {
        const { identity_hash: hash, ...rest } = fields;
        const body = checkin((n += 1), {
          ...rest,
          ...(isText(hash) ? {} : { identity_hash: hash }),
        });
        const sent = stringifyExact(body);
        const answer = await server.call('POST', '/api/agent/checkin', { body: sent });
        // A loaded server sends agents away, but for stock ones.
        fc.pre(answer.status !== 503);
        expect({ sent, answer: answer.body }).toMatchObject({ answer: { is_new: true } });
        const shown = await server.call('GET', `/api/machines/${answer.body.machine_id}`);
        expect(shown.body.identity.primary_mac).toBe(body.mac);
      },
    ),
    { numRuns: 300 },
  );
});

it.each([
  ['an installed system without a name', { existing_os: {} }, 'existing_os'],
  ['an installed system that is a text', { existing_os: 'Debian' }, 'existing_os'],
  ['an installed system on no device', { existing_os: { name: 'x', device: null } }, 'existing_os'],
  ['a machine-id beyond 2^53', { machine_id: 2 ** 60 }, 'machine_id'],
  [
    'an InfiniBand address among its MACs',
    { all_macs: ['02:00:00:00:00:01', `80:00:02:08:${'fe:'.repeat(15)}01`] },
    'all_macs',
  ],
  ['disks without a size', { disks: [{ name: 'sda' }] }, 'disks'],
])('takes a check-in with %s, and keeps what was known', async (_name, fields, section) => {
  const server = await startServer();
  const known = {
    existing_os: { name: 'Debian', device: '/dev/sda2' },
    disks: [{ name: 'sda', size_bytes: 1 }],
  };
  await server.call('POST', '/api/agent/checkin', { body: checkin(1, known) });
  const { status, body } = await server.call('POST', '/api/agent/checkin', {
    body: checkin(1, { ...known, ...fields }),
  });
  expect(status).toBe(200);
  const { body: machine } = await server.call('GET', `/api/machines/${body.machine_id}`);
  expect(machine.report.existing_os).toMatchObject(known.existing_os);
  expect(machine.hardware.disks).toHaveLength(1);
  expect(machine.identity).toMatchObject({ all_macs: ['02:00:00:00:00:01'], machine_id: null });
  expect(machine.report.problems).toMatchObject([{ section }]);
});

it('knows a machine that boots over InfiniBand by the MAC in its GUID', async () => {
  const server = await startServer();
  const guid = '7c:fe:90:03:00:29:26:52';
  const register = async (queuePair: string) => {
    const mac = `80:00:${queuePair}:fe:80:00:00:00:00:00:00:${guid}`;
    return (await server.call('POST', '/api/agent/checkin', { body: { mac } })).body;
  };
  const { machine_id } = await register('02:08');
  expect((await register('03:11')).machine_id).toBe(machine_id);
  const { body } = await server.call('GET', `/api/machines/${machine_id}`);
  expect(body.identity.primary_mac).toBe('7c:fe:90:29:26:52');
  const script = await server.call('GET', `/boot/80:00:04:07:fe:80:00:00:00:00:00:00:${guid}`);
  expect(script.body).toContain('dragonfly.mac=7c:fe:90:29:26:52');
});

it.each([
  ['an unknown type', { type: 'paused' }, 'type'],
  ['no type', {}, 'type'],
  ['no action', { type: 'action_started' }, 'action'],
  ['a wrong type', { type: 'completed', success: 'yes' }, 'success'],
  ['a text as progress', { type: 'action_progress', action: 'a', progress: 'half' }, 'progress'],
])('names the field of an event with %s', async (_name, body, path) => {
  const server = await startServer();
  const id = '01890000-0000-7000-8000-000000000000';
  const answer = await server.call('POST', `/api/workflows/${id}/events`, { body });
  expect([answer.status, answer.body.code, answer.body.path]).toEqual([
    422,
    'request.invalid',
    path,
  ]);
});
