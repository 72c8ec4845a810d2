import { describe, expect, it } from 'vitest';
import type { Subject } from '../../src/agent/subject.ts';
import { machine, MemoryServer, startLoop } from '../transport/memory-server.ts';

const hourMs = 3_600_000;

describe('runLoop', () => {
  it('sends a heartbeat every 30 s through a week, and misses none', async () => {
    const server = new MemoryServer();
    const agent = startLoop({ transport: server });
    await agent.clock.advance(168 * hourMs);
    await agent.stop();
    expect(server.received).toHaveLength(1 + (168 * 3_600) / 30);
    expect(server.received.map((r) => r.sequence)).toEqual(server.received.map((_, i) => i + 1));
  });

  it('neither delays nor bursts when the wall clock steps', async () => {
    const server = new MemoryServer();
    const agent = startLoop({ transport: server });
    for (const step of [26 * 365 * 24 * hourMs, -40 * 365 * 24 * hourMs, 50]) {
      const before = server.received.length;
      agent.clock.stepWall(step);
      await agent.clock.advance(10 * 30_000);
      expect(server.received.length - before).toBeGreaterThanOrEqual(9);
      expect(server.received.length - before).toBeLessThanOrEqual(11);
    }
    await agent.stop();
  });

  it('waits for an address before it tries the server', async () => {
    const address = { now: '' };
    const server = new MemoryServer();
    const agent = startLoop({ transport: server, subject: machine(address) });
    await agent.clock.advance(50_000);
    expect(server.received).toHaveLength(0);
    address.now = '10.0.0.2';
    await agent.clock.advance(1_000);
    await agent.stop();
    expect(server.received).toHaveLength(1);
    expect(new Set(agent.states.map((s) => s.phase))).toEqual(
      new Set(['waiting', 'checking-in', 'beating']),
    );
  });

  it('recovers within a minute from an outage of a day, with the same id', async () => {
    const server = new MemoryServer();
    const agent = startLoop({ transport: server });
    await agent.clock.advance(60_000);
    server.fault = 'unreachable';
    await agent.clock.advance(24 * hourMs);
    const before = server.received.length;
    server.fault = 'none';
    await agent.clock.advance(60_000);
    await agent.stop();
    expect(server.received.length).toBeGreaterThan(before);
    expect(server.machines.size).toBe(1);
  });

  it('repeats a request whose answer was lost under the same sequence', async () => {
    const server = new MemoryServer();
    server.fault = 'answer lost';
    const agent = startLoop({ transport: server });
    await agent.clock.advance(120_000);
    expect(server.received.length).toBeGreaterThan(3);
    expect(new Set(server.received.map((r) => r.sequence))).toEqual(new Set([1]));
    server.fault = 'none';
    await agent.clock.advance(120_000);
    await agent.stop();
    expect(server.actedOn).toEqual([1, 2, 3, 4]);
    expect(server.machines.size).toBe(1);
  });

  it('passes on who may log in with each answer, and nobody where an answer names nobody', async () => {
    const server = new MemoryServer();
    const admitted: (readonly string[])[] = [];
    const subject: Subject = { ...machine(), admit: (keys) => void admitted.push(keys) };
    const agent = startLoop({ transport: server, subject });
    await agent.clock.advance(1_000);
    server.sshKeys = ['ssh-ed25519 AAAA'];
    await agent.clock.advance(30_000);
    server.fault = 'unreachable';
    await agent.clock.advance(120_000);
    expect(admitted).toEqual([[], ['ssh-ed25519 AAAA']]);
    server.fault = 'none';
    server.sshKeys = undefined;
    await agent.clock.advance(120_000);
    await agent.stop();
    expect(admitted.at(-1)).toEqual([]);
  });

  it('describes the machine anew, under a new sequence, when its address changed meanwhile', async () => {
    const address = { now: '10.0.0.2' };
    const server = new MemoryServer();
    server.fault = 'answer lost';
    const agent = startLoop({ transport: server, subject: machine(address) });
    await agent.clock.advance(5_000);
    address.now = '10.0.9.9';
    server.fault = 'none';
    await agent.clock.advance(60_000);
    await agent.stop();
    const checkins = server.received.filter((r) => 'mac' in r);
    expect(checkins.at(-1)).toMatchObject({ ip_address: '10.0.9.9', sequence: 2 });
  });

  it('describes the machine anew when a disk is plugged in before a lost answer comes again', async () => {
    const server = new MemoryServer();
    server.fault = 'answer lost';
    let plugged = '/sys/block/sda';
    const subject = { ...machine(), devices: async () => plugged };
    const agent = startLoop({ transport: server, subject });
    await agent.clock.advance(5_000);
    plugged = '/sys/block/sda /sys/block/sdb';
    server.fault = 'none';
    await agent.clock.advance(60_000);
    await agent.stop();
    const checkins = server.received.filter((r) => 'mac' in r);
    expect(checkins[0]).toMatchObject({ sequence: 1 });
    expect(checkins.at(-1)).toMatchObject({ sequence: 2 });
  });

  it('checks in again when its address changes in flight, and waits while it has none', async () => {
    const address = { now: '10.0.0.2' };
    const server = new MemoryServer();
    const agent = startLoop({ transport: server, subject: machine(address) });
    await agent.clock.advance(45_000);
    address.now = '';
    await agent.clock.advance(120_000);
    const before = server.received.length;
    address.now = '10.0.9.9';
    await agent.clock.advance(1_000);
    await agent.stop();
    expect(before).toBe(2);
    expect(server.received.slice(before)).toMatchObject([{ ip_address: '10.0.9.9' }]);
  });

  it('does not check in again for an IPv6 address that comes, changes or goes beside an IPv4 one', async () => {
    const address = { now: '10.0.0.2' };
    const server = new MemoryServer();
    const agent = startLoop({ transport: server, subject: machine(address) });
    await agent.clock.advance(20_000);
    for (const ipv6 of [' fd00::2', ' fd00::2 fd00::9', ' fd00::9', '']) {
      address.now = `10.0.0.2${ipv6}`;
      await agent.clock.advance(60_000);
    }
    expect(server.received.filter((r) => 'mac' in r)).toHaveLength(1);
    expect(server.closed).toBe(2);
    address.now = '10.0.0.3 fd00::2';
    await agent.clock.advance(60_000);
    await agent.stop();
    expect(server.received.filter((r) => 'mac' in r)).toHaveLength(2);
  });

  it('checks in again when an IPv4 address comes to an IPv6 one, or that changes alone', async () => {
    const address = { now: 'fd00::2' };
    const server = new MemoryServer();
    const agent = startLoop({ transport: server, subject: machine(address) });
    await agent.clock.advance(20_000);
    for (const [i, now] of ['10.0.0.2 fd00::2', 'fd00::2', 'fd00::3'].entries()) {
      address.now = now;
      await agent.clock.advance(60_000);
      const checkins = server.received.filter((r) => 'mac' in r);
      expect(checkins.slice(i + 1)).toMatchObject([{ ip_address: now.split(' ')[0] }]);
    }
    await agent.stop();
  });

  it.each([2, 600])(
    'checks in again within ten seconds when a disk or a port is plugged in, beating every %d s',
    async (seconds) => {
      const server = new MemoryServer();
      server.intervalSeconds = seconds;
      let plugged = '/sys/block/sda';
      const subject = { ...machine(), devices: async () => plugged };
      const agent = startLoop({ transport: server, subject });
      await agent.clock.advance(100_000);
      const before = server.received.filter((r) => 'mac' in r).length;
      plugged = '/sys/block/sda /sys/block/sdb';
      await agent.clock.advance(10_000);
      const after = server.received.filter((r) => 'mac' in r).length;
      await agent.clock.advance(100_000);
      await agent.stop();
      expect([before, after]).toEqual([1, 2]);
      expect(server.received.filter((r) => 'mac' in r)).toHaveLength(2);
    },
  );

  it('tries a server that it could not reach again soon after its address changed', async () => {
    const address = { now: '10.66.0.30' };
    const server = new MemoryServer();
    server.fault = 'unreachable';
    const subject = { ...machine(address), devices: async () => '/sys/block/sda' };
    // Its waits are as long as they can be.
    const agent = startLoop({ transport: server, subject, random: () => 0.999 });
    await agent.clock.advance(70_000);
    server.fault = 'none';
    await agent.clock.advance(40_000);
    const before = server.received.length;
    address.now = '192.168.77.100';
    await agent.clock.advance(10_000);
    await agent.stop();
    expect(server.received.slice(before)).toMatchObject([{ ip_address: '192.168.77.100' }]);
  });

  it('tells the switches that it heard with one later heartbeat, and listens once', async () => {
    const server = new MemoryServer();
    const heard = [{ interface: 'eth0', neighbour: { system: 'sw7', port: 'swp1' } }];
    let times = 0;
    const neighbours = async () => {
      times += 1;
      return heard;
    };
    const agent = startLoop({ transport: server, subject: { ...machine(), neighbours } });
    await agent.clock.advance(100_000);
    server.machines.clear();
    await agent.clock.advance(100_000);
    await agent.stop();
    const told = server.received.filter((request) => 'neighbours' in request);
    expect(told).toMatchObject([{ neighbours: heard }]);
    expect(times).toBe(1);
  });

  it('beats on where it cannot listen', async () => {
    const server = new MemoryServer();
    const neighbours = () => Promise.reject(new Error('no packet sockets'));
    const agent = startLoop({ transport: server, subject: { ...machine(), neighbours } });
    await agent.clock.advance(100_000);
    await agent.stop();
    expect(server.received.length).toBeGreaterThan(2);
  });

  it('checks in again at once when the server no longer knows the machine', async () => {
    const server = new MemoryServer();
    const agent = startLoop({ transport: server });
    await agent.clock.advance(45_000);
    server.machines.clear();
    await agent.clock.advance(16_000);
    await agent.stop();
    expect(server.machines.size).toBe(1);
  });

  it('carries out an order once although the server repeats it', async () => {
    const server = new MemoryServer();
    server.heartbeat = async () => ({
      action: 'reboot',
      workflow_id: null,
      heartbeat_interval_seconds: 30,
    });
    let acted = 0;
    const subject = { ...machine(), act: async () => ({ final: (acted += 1) > 0 }) };
    const agent = startLoop({ transport: server, subject });
    await agent.clock.advance(hourMs);
    await agent.stop();
    expect(acted).toBe(1);
  });

  it('goes on beating while an order takes its time, and stops it when it is stopped', async () => {
    const server = new MemoryServer();
    const checkIn = server.checkIn.bind(server);
    server.checkIn = async (request) => ({ ...(await checkIn(request)), action: 'reboot' });
    const subject: Subject = {
      ...machine(),
      act: (_order, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve({ final: false }));
        }),
    };
    const agent = startLoop({ transport: server, subject });
    await agent.clock.advance(10 * 60_000);
    await agent.stop();
    expect(server.received).toHaveLength(1 + 20);
    expect(agent.states.at(-1)?.phase).toBe('acting');
  });
});
