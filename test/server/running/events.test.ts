import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import type { ServerEvent } from '../../../src/model/api/events.ts';
import { Events } from '../../../src/server/running/events.ts';
import { checkin, imageTemplate, startServer, watch } from '../harness.ts';

const has = (type: string) => (events: readonly ServerEvent[]) =>
  events.some((event) => event.type === type);

describe('the stream of events', () => {
  it('ends once its token is revoked, and no other does', async () => {
    const clock = new ManualClock(new Date('2026-01-02T03:04:05Z'));
    const server = await startServer({ clock });
    const make = (name: string, scope: 'read' | 'full') =>
      createToken(server.store, clock, { name, scope, expiresAt: null });
    const [ops, page] = [await make('ops', 'full'), await make('page', 'read')];
    const open = async (token: string): Promise<() => boolean> => {
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`${server.url}/api/events`, { headers });
      expect(response.status).toBe(200);
      const ends = { isOver: false };
      void response.text().then(
        () => (ends.isOver = true),
        () => {},
      );
      return () => ends.isOver;
    };
    const [other, revoked] = [await open(ops), await open(page)];
    await clock.advance(20_000);
    expect(revoked()).toBe(false);
    await server.call('DELETE', '/api/tokens/page', { token: ops });
    await clock.advance(5000);
    await expect.poll(revoked).toBe(true);
    expect(other()).toBe(false);
  });

  it('tells of machines, workflows and what is done to them, and goes on where it ended', async () => {
    const server = await startServer();
    const first = watch(server, has('machine.changed'));
    await expect.poll(() => server.app.swagger()).toBeDefined();
    const hello = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    const id = hello.body.machine_id;
    const seen = await first;
    expect(seen.every((event) => event.data['machine_id'] === id)).toBe(true);
    // Events while nobody watches:
    await server.call('PUT', '/api/templates/debian', { body: imageTemplate });
    const { body } = await server.call('POST', '/api/workflows', {
      body: { machine_id: id, template: 'debian' },
    });
    const workflowId = body.metadata.name;
    const event = { type: 'started' };
    await server.call('POST', `/api/workflows/${workflowId}/events`, { body: event });
    const running = (events: readonly ServerEvent[]) =>
      events.some((e) => e.data['state'] === 'STATE_RUNNING');
    const missed = await watch(server, running, { lastId: seen.at(-1)?.id });
    expect(missed.map((e) => e.type)).toEqual(
      expect.arrayContaining(['template.changed', 'machine.changed', 'workflow.changed']),
    );
    expect(missed.find((e) => e.type === 'workflow.changed')?.data).toMatchObject({
      workflow_id: workflowId,
      machine_id: id,
    });
    await server.call('POST', `/api/workflows/${workflowId}/cancel`);
    await server.call('DELETE', `/api/machines/${id}`);
    const rest = await watch(server, has('machine.deleted'), { lastId: missed.at(-1)?.id });
    expect(rest.at(-1)?.data['machine_id']).toBe(id);
  });

  it('says reset to a watcher of an earlier run of the server', async () => {
    const server = await startServer();
    const [event] = await watch(server, has('reset'), { lastId: 'another-run-17' });
    expect(event?.type).toBe('reset');
  });

  it('ends when the server stops', async () => {
    const server = await startServer();
    const response = await fetch(`${server.url}/api/events`);
    const whole = response.text();
    await server.app.close();
    expect(await whole).toContain(': the newest is ');
  });

  it('never tells of tokens', async () => {
    const server = await startServer();
    const watching = watch(server, has('setting.changed'));
    await server.call('PUT', '/api/settings/warm-up', { body: { value: '1' } });
    await watching;
    const events = watch(server, (seen) => seen.some((e) => e.data['key'] === 'last'));
    await server.call('POST', '/api/tokens', {
      body: { name: 'x', scope: 'enrol', expires_at: '2000-01-01T00:00:00Z' },
    });
    await server.store.settings.put({ key: 'last', value: '1' });
    expect(JSON.stringify(await events)).not.toMatch(/auth|token/);
  });
});

describe('the buffer of events', () => {
  it('gives what came after an id, nothing after the last one, and undefined for what it forgot', () => {
    const events = new Events('run', 4);
    for (let n = 1; n <= 20; n++) events.publish('machine.changed', { n });
    const numbers = (id: string) => events.since(id)?.map((event) => event.data['n']);
    expect(numbers('run-18')).toEqual([19, 20]);
    expect(numbers('run-20')).toEqual([]);
    expect(numbers('run-16')).toEqual([17, 18, 19, 20]);
    expect(['run-1', 'run-21', 'other-18', 'run-x', '', '-'].map(numbers)).toEqual(
      Array.from({ length: 6 }, () => undefined),
    );
  });
});
