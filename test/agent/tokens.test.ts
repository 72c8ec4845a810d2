// The agent's tokens against the real server: it enrols once, and keeps its own token from then on.
import { expect, it, onTestFinished } from 'vitest';
import type { Boot } from '../../src/agent/boot.ts';
import { Conversation } from '../../src/agent/conversation.ts';
import { Spool } from '../../src/agent/spool.ts';
import { Timeline } from '../../src/agent/timeline.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import type { CheckinRequest } from '../../src/model/api/agent.ts';
import { createToken } from '../../src/server/access/tokens.ts';
import { HttpTransport } from '../../src/transport/transport.ts';
import { startServer } from './server.ts';

/** An agent that has the enrolment token of a server that has an operator's as well; or none, of a server whose boot
 *  scripts hand out secrets. */
async function enrolling(isTold = true) {
  const server = await startServer(
    isTold ? {} : { auth: { enrolmentToken: 'the-token-of-the-whole-rack' } },
  );
  const create = (scope: 'enrol' | 'full') =>
    createToken(server.store, systemClock, { name: scope, scope, expiresAt: null });
  const [enrolToken, full] = [await create('enrol'), await create('full')];
  let sequence = 0;
  const boot: Boot = { id: 'b', uptimeMs: () => 1_000, nextSequence: async () => (sequence += 1) };
  const transport = new HttpTransport(server.url, { clock: systemClock });
  const conversation = new Conversation({
    transport,
    boot,
    timeline: new Timeline(boot),
    spool: new Spool(),
    signal: new AbortController().signal,
    log: silentLog,
    enrolToken: isTold ? enrolToken : undefined,
  });
  onTestFinished(async () => {
    await transport.close();
    await server.close();
  });
  const remove = (path: string): Promise<Response> =>
    fetch(server.url + path, { method: 'DELETE', headers: { authorization: `Bearer ${full}` } });
  const checkIn = (
    address: string,
    mac = '02:00:00:00:00:01',
    more: Partial<CheckinRequest> = {},
  ) => conversation.checkIn(address, async () => ({ mac, ip_address: address, ...more }));
  return { server, conversation, remove, checkIn };
}

it('an agent checks in again with its own token, also when its enrolment token was revoked', async () => {
  const { conversation, remove, checkIn } = await enrolling();
  const first = await checkIn('10.0.0.1');
  expect((await remove('/api/tokens/enrol')).status).toBe(204);
  const again = await checkIn('10.0.0.2');
  expect([again.machine_id, again.token]).toEqual([first.machine_id, first.token]);
  expect(await conversation.heartbeat(again)).toMatchObject({ action: 'wait' });
});

it('an agent enrols again when its own token has ended', async () => {
  const { conversation, remove, checkIn } = await enrolling();
  const first = await checkIn('10.0.0.1');
  expect((await remove(`/api/machines/${first.machine_id}`)).status).toBe(204);
  const again = await checkIn('10.0.0.2');
  expect(again.is_new).toBe(true);
  expect(again.token).not.toBe(first.token);
  expect(await conversation.heartbeat(again)).toMatchObject({ action: 'wait' });
});

it('an agent enrols again when it is another machine than its token was given to', async () => {
  const { server, conversation, checkIn } = await enrolling();
  const first = await checkIn('10.0.0.1');
  const other = await checkIn('10.0.0.2', '02:00:00:00:00:02');
  expect(other.machine_id).not.toBe(first.machine_id);
  expect(await conversation.heartbeat(other)).toMatchObject({ action: 'wait' });
  expect((await server.store.machines.list()).items).toHaveLength(2);
});

it('an image that was booted without a script asks for its secret; an installed system does not', async () => {
  const { checkIn } = await enrolling(false);
  const mac = '02:00:00:00:00:01';
  await expect(checkIn('10.0.0.1', mac, { in_image: false })).rejects.toThrow('answered 401');
  const answer = await checkIn('10.0.0.1', mac, { in_image: true });
  expect([answer.is_new, typeof answer.token]).toEqual([true, 'string']);
});
