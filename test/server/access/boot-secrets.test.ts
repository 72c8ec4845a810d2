// The secret in a boot script: for one boot of one machine, good for 15 minutes until it is used, and told by
// every server of the store.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkInOnce } from '../../../src/agent/agent.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import { BootSecrets } from '../../../src/server/access/boot-secrets.ts';
import { openStore } from '../../../src/store/open.ts';
import type { Store } from '../../../src/store/store.ts';
import { checkin, startServer, type Answer, type TestServer } from '../harness.ts';

const enrolmentToken = 'the-token-of-the-whole-rack';
const start = new Date('2026-01-01T00:00:00Z');
const minutes = 60_000;

async function opened(clock: ManualClock, store?: Store): Promise<TestServer> {
  return startServer({
    clock,
    store: store ?? (await openStore('memory:')),
    auth: { enrolmentToken },
  });
}

async function scene() {
  const clock = new ManualClock(start);
  const server = await opened(clock);
  return { clock, server };
}

/** The secret in the boot script of machine `n`. */
async function secretOf(server: TestServer, n: number, headers = {}): Promise<string> {
  const { body } = await server.call('GET', `/boot/${checkin(n).mac}`, { headers });
  return / dragonfly\.token=(\S+)/.exec(body)?.[1] ?? '';
}

function checkIn(server: TestServer, n: number, boot_id: string, token: string): Promise<Answer> {
  const body = checkin(n, { boot_id, sequence: 1 });
  return server.call('POST', '/api/agent/checkin', { body, token });
}

describe('the secret of a boot script', () => {
  it('is not the enrolment token, and registers the machine', async () => {
    const { server } = await scene();
    const { body } = await server.call('GET', `/boot/${checkin(1).mac}`);
    expect(body).not.toContain(enrolmentToken);
    const { status, body: answer } = await checkIn(server, 1, 'a', await secretOf(server, 1));
    expect([status, answer.is_new, typeof answer.token]).toEqual([200, true, 'string']);
  });

  it('is there only where boots may enrol', async () => {
    const clock = new ManualClock(start);
    const server = await startServer({ clock, auth: { required: true } });
    expect(await secretOf(server, 1)).toBe('');
  });

  it('whose use was damaged is good for no boot, and keeps no other use from being forgotten', async () => {
    const clock = new ManualClock(start);
    const store = await openStore('memory:');
    const server = await opened(clock, store);
    const uses = async (): Promise<string[]> =>
      (await store.settings.list({ prefix: '~auth.boot.use.' })).items.map(
        (one) => one.value.value,
      );
    const secrets = [await secretOf(server, 1), await secretOf(server, 2)];
    for (const [n, secret] of secrets.entries())
      expect((await checkIn(server, n + 1, 'a', secret)).status).toBe(200);
    const key = `~auth.boot.use.${String(secrets[0]).split('_')[3]}`;
    for (const value of ['{"bootId":', '{"bootId":1,"at":2}', 'null']) {
      await store.settings.put({ key, value });
      for (const boot of ['a', 'b', ''])
        expect((await checkIn(server, 1, boot, String(secrets[0]))).status).toBe(403);
    }
    const boots = new BootSecrets(store, clock);
    const later = new Date(start.getTime() + 31 * 24 * 60 * minutes);
    await boots.forgetOld(later);
    expect(await uses()).toEqual(['null']);
    await boots.forgetOld(later);
    expect(await uses()).toEqual([]);
  });

  it('is good for the check-ins of one boot, and of no other', async () => {
    const { server } = await scene();
    const secret = await secretOf(server, 1);
    expect((await checkIn(server, 1, 'a', secret)).status).toBe(200);
    expect((await checkIn(server, 1, 'a', secret)).status).toBe(200);
    const { status, body } = await checkIn(server, 1, 'b', secret);
    expect([status, body.code]).toEqual([403, 'auth.denied']);
  });

  it('is good for one machine', async () => {
    const { server } = await scene();
    const secret = await secretOf(server, 1);
    expect((await checkIn(server, 2, 'a', secret)).status).toBe(403);
    // It was not used up by that.
    expect((await checkIn(server, 1, 'b', secret)).status).toBe(200);
  });

  it('lapses after 15 minutes without use, and once used lasts as long as the boot', async () => {
    const { server, clock } = await scene();
    const [used, unused] = [await secretOf(server, 1), await secretOf(server, 1)];
    expect((await checkIn(server, 1, 'a', used)).status).toBe(200);
    await clock.advance(15 * minutes);
    const { status, body } = await checkIn(server, 1, 'a', unused);
    expect([status, body.code]).toEqual([401, 'auth.required']);
    expect((await checkIn(server, 1, 'a', used)).status).toBe(200);
  });

  it('is not voided by a second fetch', async () => {
    const { server } = await scene();
    const first = await secretOf(server, 1);
    expect(await secretOf(server, 1)).not.toBe(first);
    expect((await checkIn(server, 1, 'a', first)).status).toBe(200);
  });

  it('is told by every server of the store, and used once among them', async () => {
    const { server, clock } = await scene();
    const other = await opened(clock, server.store);
    const secret = await secretOf(server, 1);
    const all = await Promise.all(
      ['a', 'b', 'a', 'b'].map((boot, i) => checkIn(i < 2 ? server : other, 1, boot, secret)),
    );
    const denied = all.filter(({ status }) => status === 403);
    expect(denied).toHaveLength(2);
    // Those of the other boot were let in as far as the secret goes.
    const again = await Promise.all(
      ['a', 'b'].map(async (boot) => (await checkIn(other, 1, boot, secret)).status),
    );
    expect(again.filter((status) => status === 403)).toHaveLength(1);
  });

  it('opens nothing else', async () => {
    const { server } = await scene();
    const token = await secretOf(server, 1);
    const { machine_id: id } = (await checkIn(server, 1, 'a', token)).body;
    const beat = { machine_id: id, boot_id: 'a' };
    expect((await server.call('POST', '/api/agent/heartbeat', { body: beat, token })).status).toBe(
      403,
    );
    for (const path of [`/api/machines/${id}`, '/api/templates/x', '/api/settings']) {
      expect((await server.call('GET', path, { token })).status).toBe(403);
    }
  });

  it('cannot be made up or changed', async () => {
    const { server } = await scene();
    const secret = await secretOf(server, 1);
    const forMachine2 = secret.replace('020000000001', '020000000002');
    const [, , , id = ''] = secret.split('_');
    const others = [
      forMachine2,
      secret.replace(id, '0'.repeat(16)),
      `${secret}0`,
      'dfb_',
      `dfb_${id}`,
    ];
    for (const text of others) {
      expect([text, (await checkIn(server, 2, 'a', text)).status]).toEqual([text, 401]);
    }
  });

  it('leaves nothing in the store until it is used, and nothing for ever', async () => {
    const { server, clock } = await scene();
    for (let i = 0; i < 20; i += 1) await secretOf(server, i);
    const settings = async () => (await server.store.settings.list()).items.length;
    const [key] = [await settings()];
    await checkIn(server, 1, 'a', await secretOf(server, 1));
    expect([key, await settings()]).toEqual([1, 2]);
    expect((await server.call('GET', '/api/settings', { token: enrolmentToken })).status).toBe(403);
    const month = new ManualClock(new Date(clock.now().getTime() + 31 * 24 * 60 * minutes));
    const later = await opened(month, server.store);
    await month.advance(61 * minutes);
    await expect.poll(settings).toBe(1);
    expect(later.url).not.toBe(server.url);
  });
});

const machine = join(import.meta.dirname, '../../../fixtures/machines/qemu-four-nics/root');

describe('an agent whose secret lapsed unused', () => {
  it('fetches another one by its MAC, which is no boot of the machine', async () => {
    const { server, clock } = await scene();
    const bootMac = '52:54:00:aa:bb:01';
    const options = { servers: [server.url], agentVersion: '0.2.0', root: machine, bootMac };
    const signal = new AbortController().signal;
    const { body } = await server.call('GET', `/boot/${bootMac}`);
    const token = / dragonfly\.token=(\S+)/.exec(body)?.[1];
    await clock.advance(20 * minutes);
    const answer = await checkInOnce({ ...options, signal, token });
    expect(answer).toMatchObject({ is_new: true, token: expect.any(String) });
    const stored = await server.store.machines.get(answer.machine_id);
    expect(stored?.value).not.toHaveProperty('local_boot');
  });

  it('is given the agent’s script even where the machine would boot its disk', async () => {
    const { server } = await scene();
    const { machine_id: id } = (await checkIn(server, 1, 'a', await secretOf(server, 1))).body;
    const found = await server.store.machines.get(id);
    if (found === undefined) throw new Error('the machine is not there');
    const { value } = found;
    await server.store.machines.put({
      ...value,
      status: { ...value.status, state: 'Provisioned' },
    });
    expect(await secretOf(server, 1)).toBe('');
    expect(await secretOf(server, 1, { 'user-agent': 'dragonfly-agent/0.2.0' })).toMatch(/^dfb_/);
    expect((await server.store.machines.get(id))?.value.local_boot?.returns ?? 0).toBe(0);
  });
});
