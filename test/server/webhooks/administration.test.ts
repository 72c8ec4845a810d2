// Making, showing, changing and removing webhooks.
import { expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../../src/core/clock.ts';
import { newKeyLine } from '../../../src/server/access/secrets.ts';
import { createToken, type NewToken } from '../../../src/server/access/tokens.ts';
import { openStore } from '../../../src/store/open.ts';
import { answerWith, verify } from '../../webhooks/receiver.ts';
import { startServer, type Answer } from '../harness.ts';
import { loopback, hooked, put, failing } from './hooked.ts';

it('the secret is shown once, and by nothing else', async () => {
  const { server, secret } = await hooked();
  const full = await createToken(server.store, systemClock, {
    name: 'ops',
    scope: 'full',
    expiresAt: null,
  });
  await server.call('POST', '/api/webhooks', {
    token: full,
    body: { name: 'other', url: 'https://hooks.example/x', secret },
  });
  const seen: string[] = [];
  for (const path of ['webhooks', 'webhooks/inventory', 'audit', 'webhooks/inventory/deliveries']) {
    const { status, body } = await server.call('GET', `/api/${path}`, { token: full });
    expect(status).toBe(200);
    seen.push(JSON.stringify(body));
  }
  expect(seen.join('')).not.toContain(secret);
  expect(seen.join('')).toContain('webhooks.create');
});

it('with a key the secret is in the store encrypted alone, and posts are signed with it', async () => {
  const store = await openStore('memory:');
  const key = newKeyLine();
  const { server, receiver, secret } = await hooked({ store, secretKeys: key });
  const { body } = await server.call('POST', '/api/webhooks/inventory/rotate');
  const kept = JSON.stringify((await store.webhooks.get('inventory'))?.value);
  expect(kept).not.toContain('whsec_');
  await put(server, 'a');
  await expect.poll(() => receiver.posts.length).toBe(1);
  for (const post of receiver.posts) {
    verify(secret, post);
    verify(body.secret, post);
  }
  const other = await startServer({ store, webhooks: loopback, secretKeys: newKeyLine() });
  await server.app.close();
  await other.call('PATCH', '/api/webhooks/inventory', { body: { events: null } });
  await put(other, 'b');
  await expect.poll(() => failing(other)).toContain('which is not in the key file');
});

it('the address of a receiver is in the audit log without its path, and others without passwords', async () => {
  const store = await openStore('memory:');
  const server = await startServer({ store });
  const token = await createToken(store, systemClock, {
    name: 'ops',
    scope: 'full',
    expiresAt: null,
  });
  const call = async (method: string, path: string, body: object): Promise<void> => {
    const { status } = await server.call(method, `/api/${path}`, { token, body });
    expect(status).toBeLessThan(300);
  };
  await call('POST', 'webhooks', {
    name: 'chat',
    url: 'https://chat.example/T0/hunter1?k=hunter2',
  });
  await call('PATCH', 'webhooks/chat', { url: 'https://chat.example/T0/hunter3' });
  await call('PUT', 'settings/mirror', { value: 'http://me:hunter4@mirror.example/debian' });
  await call('PUT', 'settings/image', { value: 'https://images.example/a.raw?sig=hunter5' });
  const { body } = await server.call('GET', '/api/audit', { token });
  expect(JSON.stringify(body)).not.toContain('hunter');
  expect(body.entries.map(({ change }: { change: unknown }) => change)).toEqual([
    { name: 'chat', url: 'https://chat.example/********' },
    { url: 'https://chat.example/********' },
    { value: 'http://mirror.example/debian' },
    { value: 'https://images.example/a.raw?…' },
  ]);
});

it('full tokens alone may see and change webhooks', async () => {
  const server = await startServer();
  const tokenOf = (scope: NewToken['scope']) =>
    createToken(server.store, systemClock, { name: scope, scope, expiresAt: null });
  const [full, operate, read] = [
    await tokenOf('full'),
    await tokenOf('operate'),
    await tokenOf('read'),
  ];
  const body = { name: 'inventory', url: 'https://hooks.example/' };
  const made = await server.call('POST', '/api/webhooks', { token: full, body });
  expect(made.status).toBe(201);
  const statuses: number[] = [];
  for (const token of [operate, read, undefined]) {
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/inventory'],
      ['GET', '/inventory/deliveries'],
      ['POST', '/inventory/rotate'],
      ['POST', '/inventory/test'],
      ['DELETE', '/inventory'],
    ] as const) {
      statuses.push((await server.call(method, `/api/webhooks${path}`, { token })).status);
    }
  }
  expect(statuses).toEqual([...Array(12).fill(403), ...Array(6).fill(401)]);
});

it.each([
  [{ name: 'Big' }, 'request.invalid'],
  [{ name: 'a.b' }, 'request.invalid'],
  [{ url: 'ftp://a.example/' }, 'request.invalid'],
  [{ url: 'https://me:secret@a.example/' }, 'request.invalid'],
  [{ url: 'https://a.example/#x' }, 'request.invalid'],
  [{ url: '/hook' }, 'request.invalid'],
  [{ url: 'http://[::1]/' }, 'webhook.address'],
  [{ url: 'http://0x7f.1/' }, 'webhook.address'],
  [{ url: 'http://10.0.0.1/' }, 'webhook.address'],
  [{ events: [] }, 'request.invalid'],
  [{ events: ['reset'] }, 'request.invalid'],
  [{ secret: 'whsec_short' }, 'request.invalid'],
  [{ more: true }, 'request.invalid'],
])('%j is refused', async (more, code) => {
  const server = await startServer({ store: await openStore('memory:') });
  const body = { name: 'a', url: 'https://hooks.example/', ...more };
  expect(await server.call('POST', '/api/webhooks', { body })).toMatchObject({
    status: 422,
    body: { code },
  });
});

it('no two have one name, and there are at most 16', async () => {
  const { server } = await hooked();
  const add = (name: string): Promise<Answer> =>
    server.call('POST', '/api/webhooks', { body: { name, url: 'https://hooks.example/' } });
  expect((await add('inventory')).body.code).toBe('webhook.exists');
  for (let n = 1; n < 16; n += 1) expect((await add(`n-${n}`)).status).toBe(201);
  expect((await add('one-more')).body.code).toBe('webhook.limit');
  expect((await server.call('DELETE', '/api/webhooks/n-1')).status).toBe(204);
  expect((await add('one-more')).status).toBe(201);
  expect((await server.call('GET', '/api/webhooks')).body.webhooks).toHaveLength(16);
});

it('what waits for a webhook that is no more is removed', async () => {
  const store = await openStore('memory:');
  const [waiting, failed] = [null, '2026-01-01T00:00:00.000Z'].map((failed_at) => ({
    id: '01900000-0000-7000-8000-000000000001',
    webhook: 'gone',
    lane: '-',
    tries: 0,
    event: { type: 'setting.changed', timestamp: '2026-01-01T00:00:00.000Z', data: {} },
    order: null,
    error: null,
    failed_at,
  }));
  if (waiting === undefined || failed === undefined) throw new Error('no deliveries');
  await store.deliveries.put(waiting);
  await startServer({ store, webhooks: loopback });
  const left = async (): Promise<number> => (await store.deliveries.list()).items.length;
  await expect.poll(left).toBe(0);
  await store.deliveries.put(waiting);
  await store.deliveries.put(failed);
  await hooked({ store });
  await expect.poll(left).toBe(0);
});

it('a secret is replaced without a post that the receiver cannot verify', async () => {
  const clock = new ManualClock(new Date());
  const { server, receiver, secret: old } = await hooked({ clock });
  const { body } = await server.call('POST', '/api/webhooks/inventory/rotate');
  await put(server, 'a');
  await expect.poll(() => receiver.posts.length).toBe(1);
  for (const post of receiver.posts) {
    verify(old, post);
    verify(body.secret, post);
  }
  clock.stepWall(25 * 3_600_000);
  await put(server, 'b');
  await expect.poll(() => receiver.posts.length).toBe(2);
  expect(receiver.posts[1]?.headers['webhook-signature']?.split(' ')).toHaveLength(1);
});

it('a test is posted at once, and nothing is left of a webhook that was deleted', async () => {
  const { server, receiver } = await hooked({ clock: new ManualClock(new Date()) });
  expect((await server.call('POST', '/api/webhooks/inventory/test')).status).toBe(202);
  await expect.poll(() => receiver.types()).toEqual(['webhook.test']);
  receiver.answer = answerWith(500);
  await put(server, 'a');
  await expect.poll(() => failing(server)).toBe('the receiver answered 500');
  await server.call('DELETE', '/api/webhooks/inventory');
  await put(server, 'b');
  expect((await server.store.deliveries.list()).items).toEqual([]);
  expect((await server.call('POST', '/api/webhooks/inventory/test')).body.code).toBe(
    'webhook.unknown',
  );
});
