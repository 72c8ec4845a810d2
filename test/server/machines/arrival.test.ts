// From a workflow's last action to the sign of the installed system, over HTTP.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import type { WorkflowEvent } from '../../../src/model/api/agent.ts';
import { MemoryKv } from '../../../src/store/memory.ts';
import { openStore, openStoreOn } from '../../../src/store/open.ts';
import {
  checkin,
  imageTemplate,
  rebootTemplate,
  startServer,
  type TestServer,
} from '../harness.ts';

const mac = '02:00:00:00:00:01';
const minute = 60_000;
const write = (content: string) => ({ action: 'writefile', path: '/etc/seed', content });
const reportingTemplate = {
  ...imageTemplate,
  metadata: { name: 'reporting' },
  spec: {
    actions: [
      { action: 'image2disk', url: 'http://images/x.raw' },
      write('phone_home:\n  url: {{ phone_home_url }}\n'),
      { action: 'reboot' },
    ],
  },
};

/** A machine in the image, boot "a", whose workflow has come to its last action. */
class Left {
  readonly server: TestServer;
  readonly clock: ManualClock;
  readonly machineId: string;
  readonly workflowId: string;
  readonly phoneHome: string;

  private constructor(
    server: TestServer,
    clock: ManualClock,
    ids: { machineId: string; workflowId: string; phoneHome: string },
  ) {
    this.server = server;
    this.clock = clock;
    this.machineId = ids.machineId;
    this.workflowId = ids.workflowId;
    this.phoneHome = ids.phoneHome;
  }

  static async by(template: string, last: 'completed' | 'action_started' = 'completed') {
    const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
    const server = await startServer({ clock, store: await openStore('memory:') });
    for (const each of [imageTemplate, rebootTemplate, reportingTemplate]) {
      await server.call('PUT', `/api/templates/${each.metadata.name}`, { body: each });
    }
    const body = checkin(1, { boot_id: 'a', in_image: true });
    const machineId: string = (await server.call('POST', '/api/agent/checkin', { body })).body
      .machine_id;
    const order = { machine_id: machineId, template };
    const made = await server.call('POST', '/api/workflows', { body: order });
    const workflowId: string = made.body.metadata.name;
    const filled = await server.call('GET', `/api/templates/${template}?machine_id=${machineId}`);
    const phoneHome =
      /url: "?([^\s"]+)/.exec(filled.body.spec.actions[1]?.content ?? '')?.[1] ?? '';
    const left = new Left(server, clock, { machineId, workflowId, phoneHome });
    await left.tell({ type: 'started' });
    for (const { action } of made.body.spec.template.spec.actions) {
      await left.tell({ type: 'action_started', action });
      if (last === 'action_started' && action === 'reboot') return left;
      await left.tell({ type: 'action_completed', action, success: true });
    }
    await left.tell({ type: 'completed', success: true });
    return left;
  }

  async tell(event: WorkflowEvent): Promise<void> {
    const body = { ...event, boot_id: 'a' };
    const { status } = await this.server.call('POST', `/api/workflows/${this.workflowId}/events`, {
      body,
    });
    if (status !== 204) throw new Error(`the event was answered ${status}`);
  }

  async checkIn(boot_id: string, more: object = {}): Promise<string> {
    const body = checkin(1, { boot_id, in_image: true, ...more });
    return (await this.server.call('POST', '/api/agent/checkin', { body })).body.action;
  }

  async script(): Promise<'disk' | 'agent'> {
    const { body } = await this.server.call('GET', `/boot/${mac}`);
    return body.includes('kernel') ? 'agent' : 'disk';
  }

  report(url = this.phoneHome) {
    return this.server.call('POST', url.replace(/^https?:\/\/[^/]*/, ''));
  }

  async workflow() {
    return (await this.server.call('GET', `/api/workflows/${this.workflowId}`)).body.status;
  }

  async machine() {
    return (await this.server.call('GET', `/api/machines/${this.machineId}`)).body.status;
  }

  /** Time passes, and the background has looked. */
  async wait(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= minute) await this.clock.advance(Math.min(left, minute));
    await this.clock.advance(6_000);
  }
}

/** Waits for the background to have brought the machine there. */
const becomes = (left: Left, state: unknown) =>
  expect.poll(async () => (await left.machine()).state).toEqual(state);

const overdue = { Error: { message: expect.stringContaining('did not come up') } };

describe('a workflow whose template asks for a report', () => {
  it('succeeds with the report alone, which has a token good for that', async () => {
    const left = await Left.by('reporting');
    expect(left.phoneHome).toMatch(/\/api\/workflows\/[0-9a-f-]+\/report\?token=dfr_/);
    await left.wait(20 * minute);
    expect((await left.workflow()).state).toBe('STATE_RUNNING');
    expect((await left.machine()).state).toBe('Provisioning');
    expect((await left.report(`${left.phoneHome}x`)).status).toBe(403);
    expect((await left.report()).status).toBe(204);
    expect(await left.workflow()).toMatchObject({ state: 'STATE_SUCCESS', confirmed: true });
    expect((await left.machine()).state).toBe('Provisioned');
    expect((await left.report()).status).toBe(204);
  });

  it('takes the form that cloud-init sends', async () => {
    const left = await Left.by('reporting');
    const answer = await fetch(left.phoneHome, {
      method: 'POST',
      body: new URLSearchParams({ hostname: 'node-1', instance_id: 'i-1' }),
    });
    expect(answer.status).toBe(204);
    expect((await left.machine()).state).toBe('Provisioned');
  });

  it('ends in Error without it, whose machine still boots its disk, and is Provisioned by a late one', async () => {
    const left = await Left.by('reporting');
    await left.wait(30 * minute);
    await becomes(left, overdue);
    expect(await left.workflow()).toMatchObject({ state: 'STATE_FAILED' });
    expect(await left.script()).toBe('disk');
    expect((await left.report()).status).toBe(204);
    expect(await left.workflow()).toMatchObject({ state: 'STATE_SUCCESS', error: null });
    expect(await left.machine()).toMatchObject({
      state: 'Provisioned',
      last_workflow_result: { Success: {} },
    });
  });

  it('whose report comes late, when the machine has other work, changes nothing of that', async () => {
    const left = await Left.by('reporting');
    await left.wait(30 * minute);
    await becomes(left, overdue);
    const body = { machine_id: left.machineId, template: 'reporting', reimage: true };
    const { status } = await left.server.call('POST', '/api/workflows', { body });
    expect(status).toBe(201);
    const before = await left.machine();
    await left.report();
    expect(await left.machine()).toEqual(before);
  });

  it('is confirmed by the report though the last words of its agent were lost', async () => {
    const left = await Left.by('reporting', 'action_started');
    await left.checkIn('a');
    expect((await left.report()).status).toBe(204);
    expect(await left.workflow()).toMatchObject({ state: 'STATE_SUCCESS', confirmed: true });
  });

  it('takes no report once it was cancelled', async () => {
    const left = await Left.by('reporting');
    await left.server.call('POST', `/api/workflows/${left.workflowId}/cancel`);
    expect((await left.report()).status).toBe(409);
    expect((await left.machine()).state).toHaveProperty('Error');
  });

  it('shows nobody the token but the agent', async () => {
    const left = await Left.by('reporting');
    const shown = await left.server.call(
      'GET',
      `/api/templates/reporting/render?machine_id=${left.machineId}`,
    );
    const listed = await left.server.call('GET', `/api/workflows/${left.workflowId}`);
    expect(JSON.stringify([shown.body, listed.body])).not.toContain('dfr_');
  });
});

describe('a workflow that installs, and asks for no report', () => {
  it('succeeds when its machine has left and stays away', async () => {
    const left = await Left.by('debian');
    expect(await left.script()).toBe('disk');
    await left.wait(9 * minute);
    expect((await left.workflow()).state).toBe('STATE_RUNNING');
    await left.wait(2 * minute);
    await becomes(left, 'Provisioned');
    expect((await left.workflow()).confirmed).toBe(false);
  });

  it('is as far when nothing after the begin of its last action arrived', async () => {
    const left = await Left.by('debian', 'action_started');
    expect(await left.script()).toBe('disk');
    expect(await left.checkIn('b')).toBe('localboot');
    expect((await left.workflow()).state).toBe('STATE_RUNNING');
  });

  it('succeeds at once when an agent of the installed system checks in', async () => {
    const left = await Left.by('debian');
    await left.checkIn('b', { in_image: false });
    expect((await left.machine()).state).toBe('Provisioned');
    expect((await left.workflow()).confirmed).toBe(true);
  });

  it('ends in Error when its machine keeps coming back from the network', async () => {
    const left = await Left.by('debian');
    expect(await left.script()).toBe('disk');
    const told: string[] = [];
    for (const boot of ['b', 'c', 'd']) {
      await left.wait(minute);
      told.push(await left.checkIn(boot));
    }
    expect(told).toEqual(['localboot', 'wait', 'wait']);
    expect(await left.script()).toBe('agent');
    await left.wait(30 * minute);
    await becomes(left, overdue);
  });

  it('does not take a machine that is still in the image for one that left', async () => {
    const left = await Left.by('debian');
    for (let i = 0; i < 15; i++) {
      const body = { machine_id: left.machineId, boot_id: 'a' };
      for (let beat = 0; beat < 6; beat++) {
        await left.server.call('POST', '/api/agent/heartbeat', { body });
        await left.clock.advance(10_000);
      }
    }
    expect((await left.workflow()).state).toBe('STATE_RUNNING');
  });

  it('keeps its deadline when the wall clock is set', async () => {
    const left = await Left.by('reporting');
    left.clock.stepWall(86_400_000);
    await left.wait(20 * minute);
    expect((await left.workflow()).state).toBe('STATE_RUNNING');
    left.clock.stepWall(-7 * 86_400_000);
    await left.wait(11 * minute);
    await becomes(left, overdue);
  });
});

describe('a workflow that only reboots', () => {
  it('succeeds with the next boot’s check-in', async () => {
    const left = await Left.by('restart');
    await left.checkIn('a');
    expect((await left.workflow()).state).toBe('STATE_RUNNING');
    expect(await left.checkIn('b')).toBe('wait');
    expect(await left.workflow()).toMatchObject({ state: 'STATE_SUCCESS', confirmed: true });
  });
});

describe('time that a workflow has run', () => {
  it('ends it beside one whose record cannot be read', async () => {
    const kv = new MemoryKv();
    const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
    const server = await startServer({ clock, store: await openStoreOn(kv) });
    const template = { ...imageTemplate, spec: { ...imageTemplate.spec, timeout: 1200 } };
    await server.call('PUT', '/api/templates/debian', { body: template });
    const run = async (n: number): Promise<string> => {
      const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(n) });
      const made = await server.call('POST', '/api/workflows', {
        body: { machine_id: body.machine_id, template: 'debian' },
      });
      const path = `/api/workflows/${made.body.metadata.name}`;
      await server.call('POST', `${path}/events`, { body: { type: 'started' } });
      return path;
    };
    // The machine that registered first comes first.
    const damaged = await run(1);
    const path = await run(2);
    expect((await server.call('GET', path)).body.status.state).toBe('STATE_RUNNING');
    await kv.commit([], [{ key: damaged.replace('/api/', ''), value: '{' }]);
    for (let i = 0; i < 21; i++) await clock.advance(minute);
    await expect
      .poll(async () => (await server.call('GET', path)).body.status.state)
      .toBe('STATE_TIMEOUT');
  });

  it('survives a restart of the server, and a step of its clock', async () => {
    const store = await openStore('memory:');
    const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
    const server = await startServer({ clock, store });
    const template = { ...imageTemplate, spec: { ...imageTemplate.spec, timeout: 1200 } };
    await server.call('PUT', '/api/templates/debian', { body: template });
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    const made = await server.call('POST', '/api/workflows', {
      body: { machine_id: body.machine_id, template: 'debian' },
    });
    const path = `/api/workflows/${made.body.metadata.name}`;
    await server.call('POST', `${path}/events`, { body: { type: 'started' } });
    for (let i = 0; i < 11; i++) await clock.advance(minute);
    await server.app.close();
    clock.stepWall(-86_400_000);
    const next = await startServer({ clock, store });
    for (let i = 0; i < 8; i++) await clock.advance(minute);
    expect((await next.call('GET', path)).body.status.state).toBe('STATE_RUNNING');
    for (let i = 0; i < 3; i++) await clock.advance(minute);
    await expect
      .poll(async () => (await next.call('GET', path)).body.status.state)
      .toBe('STATE_TIMEOUT');
  });
});
