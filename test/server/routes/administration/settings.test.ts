import { expect, it } from 'vitest';
import { systemClock } from '../../../../src/core/clock.ts';
import { createToken } from '../../../../src/server/access/tokens.ts';
import { checkin, startServer, watch, type TestServer } from '../../harness.ts';

const tokensOf = async ({ store }: TestServer) => {
  const make = (scope: 'read' | 'full') =>
    createToken(store, systemClock, { name: scope, scope, expiresAt: null });
  return { full: await make('full'), read: await make('read') };
};

const password = 'correct horse battery staple';

it('shows a secret setting to full tokens alone, in the list and by its key', async () => {
  const server = await startServer();
  const { full, read } = await tokensOf(server);
  const put = (key: string, body: unknown) =>
    server.call('PUT', `/api/settings/${key}`, { token: full, body });
  await put('template.default_password', { value: password });
  await put('rack.note', { value: password, secret: true });
  await put('theme.token', { value: 'blue', secret: false });
  for (const path of [
    '/api/settings',
    '/api/settings/template.default_password',
    '/api/settings/rack.note',
  ]) {
    const asRead = await server.call('GET', path, { token: read });
    expect([asRead.status, JSON.stringify(asRead.body).includes(password)]).toEqual([200, false]);
    const asFull = await server.call('GET', path, { token: full });
    expect(JSON.stringify(asFull.body)).toContain(password);
  }
  const shown = await server.call('GET', '/api/settings/rack.note', { token: read });
  expect(shown.body).toEqual({ key: 'rack.note', value: '********', secret: true });
  // Its tag would let a guess be checked.
  expect(shown.headers.get('etag')).toBeNull();
  const plain = await server.call('GET', '/api/settings/theme.token', { token: read });
  expect(plain.body).toEqual({ key: 'theme.token', value: 'blue' });
  expect(plain.headers.get('etag')).not.toBeNull();
});

it('keeps the mark of a setting that is written again', async () => {
  const server = await startServer();
  const { full, read } = await tokensOf(server);
  const put = (body: unknown) =>
    server.call('PUT', '/api/settings/rack.note', { token: full, body });
  await put({ value: 'one', secret: true });
  expect((await put({ value: 'two' })).body).toEqual({
    key: 'rack.note',
    value: 'two',
    secret: true,
  });
  const { body } = await server.call('GET', '/api/settings/rack.note', { token: read });
  expect(body.value).toBe('********');
});

it('tells watchers that a secret changed, and nothing of it', async () => {
  const server = await startServer();
  const events = watch(server, (seen) => seen.some(({ type }) => type === 'machine.registered'));
  await expect
    .poll(async () => (await server.call('GET', '/metrics')).body)
    .toMatch(/dragonfly_event_watchers 1/);
  await server.call('PUT', '/api/settings/template.default_password', {
    body: { value: password },
  });
  await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
  const text = JSON.stringify(await events);
  expect(text).toContain('template.default_password');
  expect(text).not.toContain(password);
});
