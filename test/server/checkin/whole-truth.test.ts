// All that an agent tells of its machine reaches the record, is served, found by a search and kept when a
// later check-in tells less. Problems of heartbeats are kept and counted.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { checkin, startServer, type TestServer } from '../harness.ts';

const told = {
  boot_id: 'boot-1',
  agent_version: '0.2.0',
  cpu_sockets: 2,
  memory_slots: 24,
  memory_max_bytes: 2 ** 42,
  memory_error_correction: 'Multi-bit ECC',
  dimms: [{ locator: 'A1', size_bytes: 2 ** 35, serial: 'DIMM77', part_number: 'M393A4K40' }],
  system: { vendor: 'Dell Inc.', product: 'PowerEdge R650', serial: 'SVCTAG1', asset_tag: 'AT-9' },
  board: { vendor: 'Dell Inc.', product: '0W4JK4', serial: 'BRD123' },
  chassis: { serial: 'CHS456' },
  firmware: { vendor: 'Dell Inc.', version: '1.9.2', date: '11/17/2022' },
  tpm: { is_present: true, version: '2.0' },
  bmc: { is_present: true, interface_type: 'KCS', address: '192.0.2.9', mac: '02:00:00:0b:0c:01' },
  boot: { firmware_mode: 'uefi', secure_boot: true, kernel: '6.12.0' },
  gpus: [{ name: 'NVIDIA A100', vram_bytes: 2 ** 36 }],
};
const ports = [
  {
    name: 'eno1',
    mac: '02:00:00:00:00:01',
    speed_mbps: 25_000,
    driver: 'mlx5_core',
    carrier: true,
    neighbour: { system: 'tor-17', port: 'Ethernet1/12', vlan: 42 },
  },
];
const disk = {
  name: 'nvme0n1',
  size_bytes: 2 ** 40,
  model: 'PM9A3',
  serial: 'S64',
  wwn: 'eui.0025',
  type: 'nvme',
  transport: 'nvme',
  paths: ['/dev/nvme0c0n1', '/dev/nvme0c1n1'],
};

async function checkIn(server: TestServer, more: Record<string, unknown>): Promise<string> {
  const { status, body } = await server.call('POST', '/api/agent/checkin', {
    body: checkin(1, more),
  });
  expect(status).toBe(200);
  return body.machine_id;
}

async function machineOf(server: TestServer, id: string) {
  return (await server.call('GET', `/api/machines/${id}`)).body;
}

it('a check-in is stored and served whole', async () => {
  const server = await startServer();
  const id = await checkIn(server, { ...told, disks: [disk], interfaces: ports });
  const { boot_id: _boot, agent_version: _version, ...parts } = told;
  const { hardware } = await machineOf(server, id);
  const { name, ...rest } = disk;
  expect(hardware).toMatchObject({
    ...parts,
    disks: [{ device: `/dev/${name}`, ...rest }],
    network_interfaces: ports,
  });
});

it('each part is found by a search', async () => {
  const server = await startServer();
  const id = await checkIn(server, { ...told, disks: [disk], interfaces: ports });
  await server.call('POST', '/api/agent/checkin', { body: checkin(2) });
  const words =
    'svctag1 at-9 brd123 chs456 1.9.2 poweredge dimm77 m393a4k40 a100 eui.0025 tor-17 ethernet1/12 mlx5 02:00:00:0b:0c:01';
  for (const q of words.split(' ')) {
    const { body } = await server.call('GET', `/api/machines?q=${encodeURIComponent(q)}`);
    expect([q, body.machines.map((m: { id: string }) => m.id)]).toEqual([q, [id]]);
  }
});

it('what a later check-in does not tell stays: no user but root reads serial numbers', async () => {
  const server = await startServer();
  const id = await checkIn(server, told);
  const system = { vendor: 'Dell Inc.', product: 'PowerEdge R650', serial: null };
  await checkIn(server, { boot_id: 'boot-1', agent_version: '0.2.0', system, firmware: {} });
  const { hardware } = await machineOf(server, id);
  expect(hardware).toMatchObject({ system: told.system, firmware: told.firmware, tpm: told.tpm });
});

it('replaced parts are in the history: board, firmware, memory module', async () => {
  const server = await startServer();
  const id = await checkIn(server, told);
  await checkIn(server, {
    ...told,
    boot_id: 'boot-2',
    board: { ...told.board, serial: 'BRD999' },
    firmware: { ...told.firmware, version: '1.10.0' },
    dimms: [{ locator: 'A1', size_bytes: 2 ** 35, serial: 'DIMM78' }],
  });
  const { body } = await server.call('GET', `/api/machines/${id}/history`);
  const changes = body.history.map((c: Record<string, unknown>) => [
    c['what'],
    c['before'],
    c['after'],
  ]);
  expect(changes).toEqual([
    ['board_serial', 'BRD123', 'BRD999'],
    ['firmware', '1.9.2', '1.10.0'],
    ['dimm', `A1 DIMM77 ${2 ** 35} bytes`, null],
    ['dimm', null, `A1 DIMM78 ${2 ** 35} bytes`],
  ]);
});

it('problems of heartbeats are kept, each once, until the next boot, and counted', async () => {
  const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
  const server = await startServer({ clock });
  const id = await checkIn(server, { boot_id: 'boot-1' });
  const problem = (message: string, code = 'action.refused') => ({
    code,
    section: 'agent',
    source: 'reboot',
    message,
  });
  const beat = (...problems: object[]) =>
    server.call('POST', '/api/agent/heartbeat', {
      body: { machine_id: id, boot_id: 'boot-1', problems },
    });
  expect((await beat(problem('one'))).status).toBe(200);
  await clock.advance(1000);
  await beat(problem('one'), problem('two', 'made.up'), problem('two', 'made.up'));
  const { report } = await machineOf(server, id);
  expect(report.later_problems).toEqual([
    { ...problem('two', 'made.up'), at: '2026-01-01T00:00:01.000Z' },
    { ...problem('one'), at: '2026-01-01T00:00:00.000Z' },
  ]);
  const { body: metrics } = await server.call('GET', '/metrics');
  expect(metrics).toContain('dragonfly_problems_total{code="action.refused"} 2');
  expect(metrics).toContain('dragonfly_problems_total{code="other"} 2');

  await checkIn(server, { boot_id: 'boot-1' });
  expect((await machineOf(server, id)).report.later_problems).toHaveLength(2);
  await clock.advance(10_000);
  await checkIn(server, { boot_id: 'boot-2', uptime_seconds: 5 });
  expect((await machineOf(server, id)).report).not.toHaveProperty('later_problems');
});

it('problems of heartbeats are bounded', async () => {
  const server = await startServer();
  const id = await checkIn(server, { boot_id: 'boot-1' });
  const problems = Array.from({ length: 100 }, (_, n) => ({
    code: 'x',
    section: 'x',
    source: 'x',
    message: `${n}`,
  }));
  await server.call('POST', '/api/agent/heartbeat', {
    body: { machine_id: id, boot_id: 'boot-1', problems },
  });
  const { report } = await machineOf(server, id);
  expect(report.later_problems).toHaveLength(32);
  expect(report.later_problems[0].message).toBe('99');
});

it('labels take at most 16 KB of a record', async () => {
  const server = await startServer();
  const id = await checkIn(server, {});
  const labels = Object.fromEntries(
    Array.from({ length: 20 }, (_, n) => [`k${n}`, 'v'.repeat(1000)]),
  );
  const { status, body } = await server.call('PATCH', `/api/machines/${id}`, { body: { labels } });
  expect([status, body.path]).toEqual([422, 'labels']);
});

it('the switches that ports heard later are kept, and of no port that the machine has not', async () => {
  const server = await startServer();
  const id = await checkIn(server, { ...told, interfaces: [{ name: 'eno1', mac: ports[0]?.mac }] });
  const beat = {
    machine_id: id,
    boot_id: told.boot_id,
    sequence: 2,
    neighbours: [
      { interface: 'eno1', neighbour: { system: 'tor-9', port: 'Ethernet3', vlan: 7 } },
      { interface: 'eno9', neighbour: { system: 'other' } },
    ],
  };
  const { status } = await server.call('POST', '/api/agent/heartbeat', { body: beat });
  expect(status).toBe(200);
  const { hardware } = await machineOf(server, id);
  expect(hardware.network_interfaces).toMatchObject([
    { name: 'eno1', neighbour: { system: 'tor-9', port: 'Ethernet3', vlan: 7 } },
  ]);
});
