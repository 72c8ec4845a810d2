import { expect, test } from 'vitest';
import { checkin, startServer } from '../harness.ts';

const nobody = '01930000-0000-7000-8000-000000000000';

test('gives the machines that are named, leaving out those that there are not', async () => {
  const server = await startServer();
  const ids: string[] = [];
  for (const n of [1, 2, 3]) {
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(n) });
    ids.push(body.machine_id);
  }
  const named = [ids[2], nobody, ids[0]?.toUpperCase()].join(',');
  const { status, body } = await server.call('GET', `/api/machines?ids=${named}`);
  expect(status).toBe(200);
  expect(body.machines.map((machine: { id: string }) => machine.id)).toEqual([ids[2], ids[0]]);
  expect(body.next_cursor).toBeNull();
});

test('applies the other conditions to the machines that are named', async () => {
  const server = await startServer();
  const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
  const path = `/api/machines?ids=${body.machine_id}`;
  expect((await server.call('GET', `${path}&q=host-1`)).body.machines).toHaveLength(1);
  expect((await server.call('GET', `${path}&q=host-2`)).body.machines).toHaveLength(0);
  expect((await server.call('GET', `${path}&state=Error`)).body.machines).toHaveLength(0);
  expect((await server.call('GET', `${path}&tag=gpu`)).body.machines).toHaveLength(0);
});

test.each(['', 'x', `${nobody},`, `${nobody},../../etc`, Array(101).fill(nobody).join(',')])(
  'refuses to name machines by %.60j',
  async (ids) => {
    const server = await startServer();
    const { status, body } = await server.call('GET', `/api/machines?ids=${ids}`);
    expect(status).toBe(422);
    expect(body.code).toBe('request.invalid');
  },
);
