// A server that listens for IPv4 and IPv6 at once, as at ":3000": Node has each address of IPv4 in the form of IPv6 there.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { openStore } from '../../../src/store/open.ts';
import { checkin, imageTemplate, startServer } from '../harness.ts';

it('gives a stock agent its work at the address that its check-in came from', async () => {
  const store = await openStore('memory:');
  const token = await createToken(store, systemClock, {
    name: 'ops',
    scope: 'full',
    expiresAt: null,
  });
  const server = await startServer({ store, auth: { stockAgents: true } });
  const door = createServer((socket) => server.app.server.emit('connection', socket));
  door.listen(0, '::');
  await once(door, 'listening');
  onTestFinished(() => void door.close());
  const { port } = Object(door.address());
  const post = (path: string, body: object): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const answer = await post('/api/agent/checkin', checkin(1));
  const { machine_id } = Object(await answer.json());
  await server.call('PUT', '/api/templates/debian', { body: imageTemplate, token });
  const order = { machine_id, template: 'debian', confirmed: true };
  const workflow = await server.call('POST', '/api/workflows', { body: order, token });
  expect(workflow.status).toBe(201);
  const events = `/api/workflows/${workflow.body.metadata.name}/events`;
  expect((await post(events, { type: 'started' })).status).toBe(204);
});
