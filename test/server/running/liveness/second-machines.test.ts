// Two machines that claim one identity, of which one or both are alive.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/core/clock.ts';
import { checkin, startServer, type TestServer } from '../../harness.ts';

const start = new Date('2026-01-01T00:00:00Z');

describe('two machines with one identity', () => {
  const hello = (server: TestServer, boot_id: string, more: Record<string, unknown> = {}) =>
    server.call('POST', '/api/agent/checkin', {
      body: checkin(1, { boot_id, sequence: 1, ...more }),
    });
  const beat = (server: TestServer, machine_id: string, boot_id: string) =>
    server.call('POST', '/api/agent/heartbeat', { body: { machine_id, boot_id } });

  async function beatingMachine() {
    const clock = new ManualClock(start);
    const server = await startServer({ clock });
    const { body } = await hello(server, 'first');
    await clock.advance(60_000);
    await beat(server, body.machine_id, 'first');
    return { clock, server, id: String(body.machine_id) };
  }

  it('the second one is refused while the first one beats', async () => {
    const { server, id } = await beatingMachine();
    const second = await hello(server, 'second');
    expect(second.status).toBe(409);
    expect(second.body).toMatchObject({ code: 'identity.in-use', machine_id: id });
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await beat(server, id, 'first')).status).toBe(200);
    expect((await beat(server, id, 'second')).status).toBe(409);
  });

  it('the second one is accepted once the first one is late', async () => {
    const { clock, server, id } = await beatingMachine();
    await clock.advance(20_000);
    expect((await hello(server, 'second')).body.machine_id).toBe(id);
  });

  it('a machine that rebooted is accepted at once: its kernel started after the last heartbeat', async () => {
    const { clock, server, id } = await beatingMachine();
    await clock.advance(8000);
    const again = await hello(server, 'second', { uptime_seconds: 3 });
    expect(again.body).toMatchObject({ machine_id: id, is_new: false });
    expect((await beat(server, id, 'second')).status).toBe(200);
    expect((await server.call('GET', '/api/conflicts')).body.conflicts).toEqual([]);
  });

  it('one that ran while the other beat is refused, and an operator hears of it', async () => {
    const { server, id } = await beatingMachine();
    const second = await hello(server, 'second', { uptime_seconds: 3600 });
    expect(second.status).toBe(409);
    const { body } = await server.call('GET', `/api/machines/${id}/conflicts`);
    expect(body.conflicts).toMatchObject([{ machine_id: id, reason: 'indistinguishable' }]);
  });

  it('one that seemed to be a reboot is found out when the first one beats again', async () => {
    const { clock, server, id } = await beatingMachine();
    await clock.advance(8000);
    expect((await hello(server, 'second', { uptime_seconds: 3 })).status).toBe(200);
    // Its orders would be those of the second one: it checks in again.
    const taken = await beat(server, id, 'first');
    expect([taken.status, taken.body.code]).toEqual([404, 'machine.unknown']);
    const again = { uptime_seconds: 3600, sequence: 2 };
    expect((await hello(server, 'first', again)).status).toBe(200);
    expect((await beat(server, id, 'first')).status).toBe(200);
    expect((await beat(server, id, 'second')).status).toBe(409);
    const { body } = await server.call('GET', '/api/conflicts');
    expect(body.conflicts).toHaveLength(1);
  });
});

describe('a machine with the SMBIOS UUID of another one', () => {
  const uuid = '4c4c4544-0051-3510-8052-b4c04f4a3132';

  async function beatingMachine() {
    const clock = new ManualClock(start);
    const server = await startServer({ clock });
    const hello = (n: number, boot_id: string, uptime_seconds: number) =>
      server.call('POST', '/api/agent/checkin', {
        body: checkin(n, { smbios_uuid: uuid, boot_id, sequence: 1, uptime_seconds }),
      });
    const beat = (machine_id: string) =>
      server.call('POST', '/api/agent/heartbeat', { body: { machine_id, boot_id: 'first' } });
    const { body } = await hello(1, 'first', 100);
    const id = String(body.machine_id);
    await clock.advance(8_000);
    await beat(id);
    await clock.advance(5_000);
    return { clock, server, hello, beat: () => beat(id), id };
  }

  it('is a new one when the other was heard while it ran, and an operator hears of it', async () => {
    const { server, hello, beat, id } = await beatingMachine();
    const second = await hello(2, 'second', 60);
    expect(second.body).toMatchObject({ is_new: true, matched_by: 'new' });
    expect(second.body.evidence.join(' ')).toContain('was alive while the caller was running');
    const { body } = await server.call('GET', '/api/conflicts');
    expect(body.conflicts).toMatchObject([
      { reason: 'contradicted', candidates: [{ machine_id: id }] },
    ]);
    expect((await beat()).status).toBe(200);
    expect((await hello(1, 'first', 113)).body.machine_id).toBe(id);
  });

  it('that started since waits until the other is heard, and is a new one then', async () => {
    const { clock, hello, beat, id } = await beatingMachine();
    const waits = await hello(2, 'second', 2);
    expect(waits).toMatchObject({ status: 409, body: { code: 'identity.in-use', machine_id: id } });
    expect(Number(waits.headers.get('retry-after'))).toBeGreaterThan(0);
    await clock.advance(5_000);
    await beat();
    await clock.advance(5_000);
    expect((await hello(2, 'second', 12)).body).toMatchObject({ is_new: true });
    expect((await beat()).status).toBe(200);
  });

  it('is the other one with new ports when that is not heard any more', async () => {
    const { clock, hello, id } = await beatingMachine();
    expect((await hello(2, 'second', 2)).status).toBe(409);
    await clock.advance(15_000);
    const again = await hello(2, 'second', 17);
    expect(again.body).toMatchObject({ machine_id: id, is_new: false, matched_by: 'evidence' });
  });
});
