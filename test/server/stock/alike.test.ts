// Two machines that show the very same: name, address, hardware and MAC. Their stock agents are told apart by their
// rhythm and by what each was told; the workflow of one is not given to the other.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { openStore } from '../../../src/store/open.ts';
import { imageTemplate, startServer, type TestServer } from '../harness.ts';
import { holdToDragonflysTypes } from './held.ts';
import { StockAgent } from './stock-agent.ts';

const mac = '02:00:00:00:00:09';

interface Twins {
  readonly server: TestServer;
  /** Moves the clock on. Units: seconds. */
  readonly pass: (seconds: number) => Promise<void>;
  readonly one: StockAgent;
  readonly two: StockAgent;
}

async function twins(): Promise<Twins> {
  const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
  const server = await startServer({ clock, store: await openStore('memory:') });
  holdToDragonflysTypes(server);
  await server.call('PUT', '/api/templates/debian', { body: imageTemplate });
  const [one, two] = [new StockAgent(server.url, { mac }), new StockAgent(server.url, { mac })];
  await one.turn();
  return { server, one, two, pass: (seconds) => clock.advance(seconds * 1000) };
}

async function order({ server, one }: Twins): Promise<string> {
  const body = { machine_id: one.machineId, template: 'debian' };
  const { status, body: made } = await server.call('POST', '/api/workflows', { body });
  expect(status).toBe(201);
  return made.metadata.name;
}

/** Check-ins of both, ten seconds apart. */
async function round({ pass, one, two }: Twins): Promise<void> {
  await pass(10);
  await two.turn();
  await pass(20);
  await one.turn();
}

/** The first one goes on to report. */
async function report({ server }: Twins, id: string, percent: number): Promise<void> {
  await server.call('POST', `/api/workflows/${id}/events`, {
    body: { type: 'action_progress', action: 'image2disk', progress: { percent } },
  });
}

const conflictsOf = async ({ server }: Twins): Promise<{ reason: string }[]> =>
  (await server.call('GET', '/api/conflicts')).body.conflicts;

describe('two stock agents that show the very same', () => {
  it('are told to wait, with one conflict after four rounds, until one of them is off', async () => {
    const both = await twins();
    const { one, two, pass } = both;
    await round(both);
    await order(both);
    for (let i = 0; i < 3; i += 1) await round(both);
    expect(await conflictsOf(both)).toEqual([]);
    for (let i = 0; i < 3; i += 1) await round(both);
    expect(new Set([...one.told, ...two.told])).toEqual(new Set(['wait']));
    expect(await conflictsOf(both)).toMatchObject([{ reason: 'indistinguishable' }]);
    const { body } = await both.server.call('GET', `/api/machines/${one.machineId}`);
    expect(body.liveness).toBe('online');
    await pass(30);
    expect(await one.turn()).toBe('left');
  });

  it('do not both begin a workflow that was queued as the second one came', async () => {
    const both = await twins();
    const { one, two, pass } = both;
    const id = await order(both);
    await pass(10);
    expect(await two.turn({ dieAfter: 'action_progress image2disk' })).toBe('died');
    for (let percent = 10; percent < 60; percent += 10) {
      await pass(20);
      expect(await one.turn()).toBeUndefined();
      await pass(10);
      await report(both, id, percent);
    }
    expect(await conflictsOf(both)).toMatchObject([{ reason: 'indistinguishable' }]);
  });

  it('leave the workflow to the one that began it, whose calls come from another address', async () => {
    const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
    const auth = { required: true, stockAgents: true };
    const store = await openStore('memory:');
    const { app } = await startServer({ clock, store, auth });
    const token = await createToken(store, clock, { name: 'ops', scope: 'full', expiresAt: null });
    const call = async (
      from: string,
      method: 'GET' | 'POST' | 'PUT',
      url: string,
      body?: object,
    ) => {
      const headers = from === 'operator' ? { authorization: `Bearer ${token}` } : {};
      const answer = await app.inject({
        method,
        url,
        headers,
        remoteAddress: from === 'operator' ? '127.0.0.1' : from,
        ...(body === undefined ? {} : { payload: body }),
      });
      return { status: answer.statusCode, body: answer.body === '' ? {} : answer.json() };
    };
    const body = {
      mac,
      hostname: 'mage',
      disks: [{ name: 'sda', size_bytes: 2 ** 40, model: 'X' }],
    };
    const checkIn = async (from: string) =>
      (await call(from, 'POST', '/api/agent/checkin', body)).body;
    await call('operator', 'PUT', '/api/templates/debian', imageTemplate);
    const { machine_id } = await checkIn('192.0.2.1');
    await call('operator', 'POST', '/api/workflows', { machine_id, template: 'debian' });
    await clock.advance(180_000);
    const { action, workflow_id: id } = await checkIn('192.0.2.2');
    expect(action).toBe('execute');
    const tell = async (event: object): Promise<number> =>
      (await call('192.0.2.2', 'POST', `/api/workflows/${id}/events`, event)).status;
    expect(await tell({ type: 'started' })).toBe(204);
    for (let i = 0; i < 3; i += 1) {
      await clock.advance(20_000);
      expect((await checkIn('192.0.2.1')).action).toBe('wait');
      await clock.advance(10_000);
      expect(await tell({ type: 'action_started', action: 'image2disk' })).toBe(204);
    }
    const { conflicts } = (await call('operator', 'GET', '/api/conflicts')).body;
    expect(conflicts).toMatchObject([{ reason: 'indistinguishable' }]);
  });

  it('do not share a workflow that runs as the second one boots', async () => {
    const both = await twins();
    const { server, one, two, pass } = both;
    await pass(30);
    const id = await order(both);
    expect(await one.turn({ dieAfter: 'action_started image2disk' })).toBe('died');
    await pass(60);
    await report(both, id, 20);
    await server.call('GET', `/boot/${mac}`);
    await pass(10);
    await report(both, id, 30);
    for (let percent = 40; percent < 80; percent += 10) {
      expect(await two.turn()).toBeUndefined();
      await pass(20);
      await report(both, id, percent);
      await pass(10);
    }
    expect(new Set(two.told)).toEqual(new Set(['wait']));
    expect(await conflictsOf(both)).toMatchObject([{ reason: 'indistinguishable' }]);
    const { body } = await server.call('GET', `/api/workflows/${id}`);
    expect(body.status.state).toBe('STATE_RUNNING');
  });
});

describe('two stock agents with one MAC, each at a server of its own', () => {
  async function pair(other: { readonly hostname: string } | undefined) {
    const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
    const store = await openStore('memory:');
    const [here, there] = [
      await startServer({ clock, store }),
      await startServer({ clock, store }),
    ];
    await here.call('PUT', '/api/templates/debian', { body: imageTemplate });
    const pass = (seconds: number): Promise<void> => clock.advance(seconds * 1000);
    // The servers find each other.
    await pass(4);
    const one = new StockAgent(here.url, { mac });
    const two = new StockAgent(there.url, { mac, ...other });
    await one.turn();
    return { server: here, there, one, two, pass };
  }

  it.each([undefined, { hostname: 'two' }])(
    'are told to wait, with one conflict (%j)',
    async (other) => {
      const both = await pair(other);
      await round(both);
      await order(both);
      for (let i = 0; i < 7; i += 1) await round(both);
      expect(new Set([...both.one.told, ...both.two.told])).toEqual(new Set(['wait']));
      expect(await conflictsOf(both)).toMatchObject([{ reason: 'indistinguishable' }]);
    },
  );

  it('are one machine where one agent comes to either server in turn', async () => {
    const both = await pair(undefined);
    const { server, there, one, pass } = both;
    const urls = [there.url, server.url, server.url, there.url, there.url, server.url];
    for (const url of urls) {
      await pass(30);
      const same = new StockAgent(url, { mac });
      await same.turn();
      expect(same.machineId).toBe(one.machineId);
    }
    await order(both);
    await pass(30);
    expect(await new StockAgent(there.url, { mac }).turn()).toBe('left');
    expect(await conflictsOf(both)).toEqual([]);
  });
});
