// Events that a real server posts to real receivers.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { openStore } from '../../../src/store/open.ts';
import { answerWith, TestReceiver, verify } from '../../webhooks/receiver.ts';
import { rebootTemplate, startServer, temporaryDirectory, wrapStore } from '../harness.ts';
import { loopback, eager, hooked, register, put, machine, keysOf, failing } from './hooked.ts';

it('an event is posted as Standard Webhooks have it, and verified by their library', async () => {
  const store = await openStore(`lmdb:${temporaryDirectory()}/data`);
  const { server, receiver, secret } = await hooked({ store });
  const id = await machine(server, 1);
  await expect.poll(() => receiver.types()).toContain('machine.registered');
  const [first] = receiver.posts;
  if (first === undefined) throw new Error('no post');
  verify(secret, first);
  expect(first).toMatchObject({
    path: '/hook',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'dragonfly-server/0',
      'webhook-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    },
    event: { type: 'machine.registered', data: { machine_id: id, name: expect.any(String) } },
  });
  expect(Date.now() - Date.parse(first.event.timestamp)).toBeLessThan(60_000);
});

it('every kind of change is an event, and last_seen alone is none', async () => {
  const { server, receiver } = await hooked();
  const id = await machine(server, 1);
  await server.call('PATCH', `/api/machines/${id}`, { body: { tags: ['a'] } });
  await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
  await put(server, 'site', 'b');
  const queued = await server.call('POST', '/api/workflows', {
    body: { machine_id: id, template: 'restart' },
  });
  await server.call('POST', `/api/workflows/${queued.body.metadata.name}/cancel`);
  await server.call('DELETE', `/api/machines/${id}`);
  await expect.poll(() => receiver.types()).toContain('machine.deleted');
  const kinds = [...new Set(receiver.types())].toSorted();
  expect(kinds).toEqual([
    'machine.changed',
    'machine.deleted',
    'machine.liveness',
    'machine.registered',
    'setting.changed',
    'template.changed',
    'workflow.changed',
  ]);
  const workflow = receiver.posts.find(({ event }) => event.type === 'workflow.changed');
  expect(workflow?.event.data).toMatchObject({ machine_id: id, state: 'STATE_PENDING' });
});

it('only the events that were asked for are posted', async () => {
  const { server, receiver } = await hooked({}, { events: ['setting.changed'] });
  await machine(server, 1);
  await put(server, 'a');
  await server.call('PATCH', '/api/webhooks/inventory', { body: { events: null } });
  await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
  await expect.poll(() => receiver.types()).toEqual(['setting.changed', 'template.changed']);
});

describe('events of a machine', () => {
  it('arrive in their order, and keep none of another machine waiting', async () => {
    const { server, receiver } = await hooked({
      webhooks: { ...loopback, policy: { ...eager, tries: 1000 } },
    });
    const [one, two] = [await machine(server, 1), await machine(server, 2)];
    await expect.poll(() => receiver.types().length).toBeGreaterThan(3);
    receiver.posts.length = 0;
    let isOpen = false;
    receiver.answer = (response, { event }) => {
      const isHeld = event.data['machine_id'] === one && !isOpen;
      response.writeHead(isHeld ? 500 : 200).end();
    };
    const queue = async (id: string): Promise<void> => {
      await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
      const body = { machine_id: id, template: 'restart' };
      const { body: made } = await server.call('POST', '/api/workflows', { body });
      await server.call('POST', `/api/workflows/${made.metadata.name}/cancel`);
    };
    await queue(one);
    await queue(two);
    await expect.poll(() => receiver.types(two)).toContain('workflow.changed');
    // All that came of the first one is its oldest event, again and again.
    const held = receiver.posts.filter(({ event }) => event.data['machine_id'] === one);
    expect(new Set(held.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    isOpen = true;
    const states = (): unknown[] => {
      const arrived = new Map(receiver.posts.map((post) => [post.headers['webhook-id'], post]));
      return [...arrived.values()]
        .filter(({ event }) => event.type === 'workflow.changed')
        .filter(({ event }) => event.data['machine_id'] === one)
        .map(({ event }) => event.data['state']);
    };
    await expect.poll(states).toEqual(['STATE_PENDING', 'STATE_FAILED']);
  });
});

it('a reset that was due when a server ended is posted by the next one', async () => {
  const store = await openStore('memory:');
  const { server, receiver } = await hooked({ store, webhooks: { ...loopback, policy: eager } });
  await server.app.close();
  const found = await store.webhooks.get('inventory');
  if (found === undefined) throw new Error('no webhook');
  await store.webhooks.put({ ...found.value, reset_due: new Date().toISOString() });
  await startServer({ store, webhooks: { ...loopback, policy: eager } });
  await expect.poll(() => receiver.types()).toContain('reset');
  await expect
    .poll(async () => (await store.webhooks.get('inventory'))?.value.reset_due)
    .toBeNull();
  expect(receiver.types().filter((type) => type === 'reset')).toHaveLength(1);
});

it('a webhook whose events were all given up is told more again', async () => {
  const policy = { ...eager, tries: 1, waiting: 3 };
  const { server, receiver } = await hooked(
    { webhooks: { ...loopback, policy } },
    { events: ['setting.changed'] },
  );
  // Held back until too much waits.
  const held: (() => void)[] = [];
  receiver.answer = (response) => held.push(() => response.writeHead(500).end());
  const overflowed = async (): Promise<unknown> =>
    (await server.call('GET', '/api/webhooks/inventory')).body.overflowed_at;
  for (let n = 0; (await overflowed()) === null; n += 1) await put(server, `k-${n}`);
  receiver.answer = answerWith(500);
  for (const answer of held) answer();
  await expect.poll(overflowed).toBeNull();
  receiver.answer = answerWith(200);
  await put(server, 'later');
  await expect.poll(() => keysOf(receiver.posts)).toContain('later');
});

it('what waits survives a restart of the server', async () => {
  const url = `lmdb:${temporaryDirectory()}/data`;
  const receiver = await TestReceiver.start();
  const port = receiver.port;
  const store = await openStore(url);
  const server = await startServer({ store, webhooks: loopback });
  await register(server, receiver, { events: ['setting.changed'] });
  await receiver.stop();
  await put(server, 'a');
  await put(server, 'b');
  await server.app.close();
  await store.close();
  await receiver.listen(port);
  await startServer({ store: await openStore(url), webhooks: loopback });
  await expect.poll(() => keysOf(receiver.posts), { timeout: 20_000 }).toEqual(['a', 'b']);
});

it('the first webhook gets its events at once, also where the server looks for what waits meanwhile', async () => {
  const looked = Promise.withResolvers<void>();
  const store = wrapStore(await openStore('memory:'), (name, operation) => async (...args) => {
    if (name === 'deliveries.list') await looked.promise;
    return operation(...args);
  });
  const { server, receiver } = await hooked({ store, clock: new ManualClock(new Date()) });
  await put(server, 'a');
  looked.resolve();
  await expect.poll(() => keysOf(receiver.posts)).toContain('a');
});

it('a name that leads inside is refused when it is posted to', async () => {
  const lookUp = async () => [{ address: '10.0.0.1', family: 4 }];
  const { server } = await hooked({ webhooks: { ...loopback, lookUp } }, { name: 'other' });
  const url = 'https://hooks.example/';
  await server.call('POST', '/api/webhooks', { body: { name: 'inventory', url } });
  await put(server, 'a');
  await expect
    .poll(() => failing(server))
    .toContain('hooks.example is 10.0.0.1, which is not on the public internet');
});
