import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/core/clock.ts';
import type { WorkflowEvent } from '../../../../src/model/api/agent.ts';
import { advance } from '../../../../src/server/rules/workflow/progress.ts';
import { checkin, imageTemplate, startServer, type TestServer } from '../../harness.ts';

const now = new Date('2026-01-01T00:00:00Z');

describe('a workflow', () => {
  const os = { existing_os: { name: 'Debian 12', device: '/dev/sda1' } };

  async function machineWith(server: TestServer, more: Record<string, unknown> = {}) {
    await server.call('PUT', '/api/templates/debian', { body: imageTemplate });
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1, more) });
    return String(body.machine_id);
  }
  const create = (server: TestServer, machine_id: string, more: Record<string, unknown> = {}) =>
    server.call('POST', '/api/workflows', { body: { machine_id, template: 'debian', ...more } });
  const tell = (server: TestServer, id: string, body: WorkflowEvent) =>
    server.call('POST', `/api/workflows/${id}/events`, { body });
  const machineOf = async (server: TestServer, id: string) =>
    (await server.call('GET', `/api/machines/${id}`)).body;

  it('overwrites an operating system only where a reimage is asked for', async () => {
    const server = await startServer();
    const id = await machineWith(server, os);
    const refused = await create(server, id);
    expect([refused.status, refused.body.code]).toEqual([409, 'machine.has-os']);
    expect((await server.call('GET', '/api/workflows')).body.workflows).toEqual([]);
    expect((await machineOf(server, id)).status).toMatchObject({
      state: 'Discovered',
      current_workflow: null,
    });
    expect((await create(server, id, { reimage: true })).status).toBe(201);
  });

  it('is ended when a system turns up that nobody knew of', async () => {
    const server = await startServer();
    const id = await machineWith(server);
    const created = await create(server, id);
    const hello = await server.call('POST', '/api/agent/checkin', { body: checkin(1, os) });
    expect(hello.body).toMatchObject({ action: 'wait', workflow_id: null });
    const path = `/api/workflows/${created.body.metadata.name}`;
    expect((await server.call('GET', path)).body.status).toMatchObject({
      state: 'STATE_FAILED',
      error: expect.stringContaining('Debian 12'),
    });
    expect((await machineOf(server, id)).status.state).toHaveProperty('Error');
  });

  it('is begun by the boot that its machine checked in from, and by no other', async () => {
    const server = await startServer();
    const id = await machineWith(server, { boot_id: 'a' });
    const { body } = await create(server, id);
    const name = body.metadata.name;
    const begin = async (boot_id: string) =>
      (await tell(server, name, { type: 'started', boot_id })).status;
    const state = async () => (await server.call('GET', `/api/workflows/${name}`)).body.status;
    expect(await begin('b')).toBe(409);
    expect((await state()).state).toBe('STATE_PENDING');
    expect([await begin('a'), await begin('a'), await begin('b')]).toEqual([204, 204, 409]);
    await tell(server, name, { type: 'completed', success: true, boot_id: 'b' });
    expect(await state()).toMatchObject({ state: 'STATE_RUNNING', startedByBoot: 'a' });
    await server.call('POST', `/api/workflows/${name}/cancel`);
    const late = await tell(server, name, { type: 'started', boot_id: 'a' });
    expect([late.status, late.body.code]).toEqual([409, 'workflow.refused']);
  });

  it('is not begun before the machine knows of it, or while that may not run it', async () => {
    const server = await startServer();
    const id = await machineWith(server, { boot_id: 'a' });
    const { body } = await create(server, id);
    const found = await server.store.machines.get(id);
    if (found === undefined) throw new Error('the machine is gone');
    const { status } = found.value;
    await server.store.machines.put({
      ...found.value,
      status: { ...status, current_workflow: null },
    });
    const begun: WorkflowEvent = { type: 'started', boot_id: 'a' };
    expect((await tell(server, body.metadata.name, begun)).status).toBe(409);
    await server.store.machines.put({ ...found.value, status: { ...status, state: 'Offline' } });
    expect((await tell(server, body.metadata.name, begun)).status).toBe(409);
  });

  it('runs again by itself after a reset where it says so, twice at most', async () => {
    const server = await startServer();
    const disks = [{ name: 'sda', size_bytes: 480_103_981_056, model: 'SSD', serial: 'S1' }];
    const looked = { disks, existing_os: null, agent_version: '0.2.0' };
    const id = await machineWith(server, { boot_id: 'a', ...looked });
    const { body } = await create(server, id, { retry: true });
    const name = body.metadata.name;
    const hello = async (boot_id: string) => {
      const half = [{ ...disks[0], contents: [{ device: '/dev/sda', type: 'data' }] }];
      const request = checkin(1, { boot_id, ...looked, disks: half });
      return (await server.call('POST', '/api/agent/checkin', { body: request })).body.action;
    };
    const told: string[] = [];
    for (const [boot_id, next] of [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'd'],
    ] as const) {
      await tell(server, name, { type: 'started', boot_id });
      await tell(server, name, { type: 'action_started', action: 'image2disk', boot_id });
      told.push(await hello(next));
    }
    expect(told).toEqual(['execute', 'execute', 'wait']);
    const { status } = (await server.call('GET', `/api/workflows/${name}`)).body;
    expect(status).toMatchObject({ state: 'STATE_FAILED', attempts: 2 });
    expect(status.error).toContain('interrupted during image2disk');
  });

  it('does not run again by itself where a system is on the disk by then', async () => {
    const server = await startServer();
    const id = await machineWith(server, { boot_id: 'a' });
    const { body } = await create(server, id, { retry: true, reimage: true });
    await tell(server, body.metadata.name, { type: 'started', boot_id: 'a' });
    const request = checkin(1, { boot_id: 'b', ...os });
    const hello = await server.call('POST', '/api/agent/checkin', { body: request });
    expect(hello.body.action).toBe('wait');
    expect((await machineOf(server, id)).status.state).toHaveProperty('Error');
  });

  it('keeps what its actions report, and the last lines of one that failed', async () => {
    const server = await startServer();
    const id = await machineWith(server);
    const { body } = await create(server, id);
    const name = body.metadata.name;
    const done = { type: 'action_completed' as const, action: 'image2disk' };
    await tell(server, name, { type: 'action_started', action: 'image2disk' });
    await tell(server, name, { ...done, success: true, report: { bytes: 7 } });
    await tell(server, name, { type: 'action_started', action: 'writefile' });
    const output = ['mount: wrong fs type'];
    await tell(server, name, { ...done, action: 'writefile', success: false, output });
    await tell(server, name, { type: 'completed', success: false });
    expect((await server.call('GET', `/api/workflows/${name}`)).body.status.actions).toMatchObject([
      { status: 'STATE_SUCCESS', report: { bytes: 7 } },
      { status: 'STATE_FAILED', output },
      { status: 'STATE_PENDING' },
    ]);
    const events = await server.call('GET', '/api/workflows');
    expect(events.body.workflows[0].status.error).toContain('writefile failed');
  });

  it('that failed before its first action says why', async () => {
    const server = await startServer();
    const id = await machineWith(server, { boot_id: 'a' });
    const { body } = await create(server, id);
    const error = 'this agent does not support the action "image2disk"';
    await tell(server, body.metadata.name, { type: 'completed', success: false, error });
    expect((await machineOf(server, id)).status.state).toEqual({ Error: { message: error } });
  });

  it('is the only one of its machine', async () => {
    const server = await startServer();
    const id = await machineWith(server);
    const answers = await Promise.all(Array.from({ length: 5 }, () => create(server, id)));
    expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([
      201, 409, 409, 409, 409,
    ]);
    const { body } = await server.call('GET', `/api/workflows?machine_id=${id}`);
    expect(body.workflows).toHaveLength(1);
  });

  it('that is cancelled while it waits leaves the machine as it was', async () => {
    const server = await startServer();
    const id = await machineWith(server);
    const { body } = await create(server, id);
    const cancelled = await server.call('POST', `/api/workflows/${body.metadata.name}/cancel`);
    expect(cancelled.body.status.state).toBe('STATE_FAILED');
    expect((await machineOf(server, id)).status).toMatchObject({
      state: 'Ready',
      current_workflow: null,
    });
    const again = await server.call('POST', `/api/workflows/${body.metadata.name}/cancel`);
    expect([again.status, again.body.code]).toEqual([409, 'workflow.finished']);
  });

  it('that is cancelled while it runs leaves the machine in Error', async () => {
    const server = await startServer();
    const id = await machineWith(server);
    const { body } = await create(server, id);
    await tell(server, body.metadata.name, { type: 'started' });
    await tell(server, body.metadata.name, { type: 'action_started', action: 'image2disk' });
    expect((await machineOf(server, id)).status.state).toBe('Provisioning');
    await server.call('POST', `/api/workflows/${body.metadata.name}/cancel`);
    const path = `/api/workflows/${body.metadata.name}`;
    expect((await server.call('GET', path)).body.status).toMatchObject({
      cancelled: true,
      actions: [
        { status: 'STATE_FAILED' },
        { status: 'STATE_PENDING' },
        { status: 'STATE_PENDING' },
      ],
    });
    const { status } = await machineOf(server, id);
    expect(status.state).toEqual({ Error: { message: 'cancelled by an operator' } });
    expect(status.last_workflow_result).toHaveProperty('Failed');
    // Later events of its agent change nothing.
    await tell(server, body.metadata.name, { type: 'completed', success: true });
    expect((await machineOf(server, id)).status).toEqual(status);
  });

  it('that takes longer than its template allows ends', async () => {
    const clock = new ManualClock(now);
    const server = await startServer({ clock });
    const id = await machineWith(server);
    const { body } = await create(server, id);
    await tell(server, body.metadata.name, { type: 'started' });
    const state = async () =>
      (await server.store.workflows.get(body.metadata.name))?.value.status?.state;
    await clock.advance(590_000);
    expect(await state()).toBe('STATE_RUNNING');
    const next = async () => {
      await clock.advance(10_000);
      return state();
    };
    await expect.poll(next).toBe('STATE_TIMEOUT');
    await expect
      .poll(async () => (await machineOf(server, id)).status.state)
      .toEqual({ Error: { message: 'not finished after 600 s' } });
  });

  it('whose end was stored without its machine is settled by a repeated event', async () => {
    const server = await startServer();
    const id = await machineWith(server);
    const { body } = await create(server, id);
    const found = await server.store.workflows.get(body.metadata.name);
    // As a server that dies between the two records leaves them.
    const ended = advance(found?.value ?? body, { type: 'completed', success: true }, now, null);
    await server.store.workflows.put(ended);
    expect((await machineOf(server, id)).status.state).toBe('Ready');
    await tell(server, body.metadata.name, { type: 'completed', success: true });
    expect((await machineOf(server, id)).status).toMatchObject({
      state: 'Provisioned',
      current_workflow: null,
    });
  });

  it('keeps its machine from being deleted, reassigned or marked offline', async () => {
    const server = await startServer();
    const id = await machineWith(server);
    await create(server, id);
    const answers = [
      await server.call('DELETE', `/api/machines/${id}`),
      await server.call('PATCH', `/api/machines/${id}`, { body: { os_choice: null } }),
      await server.call('PATCH', `/api/machines/${id}`, { body: { offline: true } }),
    ];
    expect(answers.map(({ status, body }) => `${status} ${body.code}`)).toEqual(
      Array.from({ length: 3 }, () => '409 workflow.active'),
    );
  });
});
