import { describe, expect, it } from 'vitest';
import { withFailover } from '../../src/transport/failover.ts';
import { ManualClock } from '../../src/core/clock.ts';
import { AppError } from '../../src/core/errors.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryServer } from './memory-server.ts';

const call = { signal: new AbortController().signal };

function fleet() {
  const clock = new ManualClock(new Date(0));
  const [a, b, c] = [new MemoryServer(), new MemoryServer(), new MemoryServer()];
  const servers = [a, b, c].map((transport, i) => ({ url: `http://${i}`, transport }));
  return { clock, a, b, c, transport: withFailover(servers, clock, silentLog) };
}

const checkin = { mac: '02:00:00:00:00:01', sequence: 1 };

describe('withFailover', () => {
  it('uses the first server while that can be reached', async () => {
    const { a, b, transport } = fleet();
    await transport.checkIn(checkin, call);
    expect([a.received.length, b.received.length]).toEqual([1, 0]);
  });

  it('goes to the next at once, stays there, and returns after a minute', async () => {
    const { clock, a, b, transport } = fleet();
    a.fault = 'unreachable';
    await transport.checkIn(checkin, call);
    a.fault = 'none';
    await transport.checkIn(checkin, call);
    expect([a.received.length, b.received.length]).toEqual([0, 2]);
    await clock.advance(60_000);
    await transport.checkIn(checkin, call);
    expect([a.received.length, b.received.length]).toEqual([1, 2]);
  });

  it('tries each server once and then gives the error', async () => {
    const { a, b, c, transport } = fleet();
    for (const server of [a, b, c]) server.fault = 'unreachable';
    await expect(transport.checkIn(checkin, call)).rejects.toThrow('down');
    c.fault = 'none';
    await transport.checkIn(checkin, call);
    expect(c.received).toHaveLength(1);
  });

  it('leaves no server for a log that it does not take now', async () => {
    const { a, b, transport } = fleet();
    a.logsFault = new AppError('server.rejected', 'too many', { details: { status: 429 } });
    const log = { machine_id: 'id-0', boot_id: 'boot', stream: 'boot', first: 0, lines: [] };
    await expect(transport.sendLogs(log, call)).rejects.toThrow('too many');
    await transport.checkIn(checkin, call);
    expect([a.received.length, b.received.length, b.logs.length]).toEqual([1, 0, 0]);
    a.fault = 'unreachable';
    await transport.checkIn(checkin, call);
    await transport.sendLogs(log, call);
    expect(b.logs).toHaveLength(1);
  });

  it('does not ask another server when one has answered with a refusal', async () => {
    const { b, transport } = fleet();
    const beat = { machine_id: 'nobody', sequence: 1 };
    await expect(transport.heartbeat(beat, call)).rejects.toThrow('unknown');
    expect(b.received).toHaveLength(0);
  });
});
