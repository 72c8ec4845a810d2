// Facts that a check-in takes away from a machine's record, by agent. The bodies of agent-0.1.0/
// were sent by version 0.1.0 of this agent, the records beside them were made of them by its server.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CheckinRequest } from '../../../src/model/api/agent.ts';
import { startServer } from '../harness.ts';

const mac = '52:54:00:ab:cd:01';
const path = '/api/agent/checkin';

/** A machine that has one of everything. */
const full = {
  mac,
  boot_id: 'b1',
  agent_version: '0.2.0',
  disks: [{ name: 'sda', size_bytes: 1000, serial: 'S1' }],
  interfaces: [{ name: 'eth0', mac }],
  gpus: [{ name: 'A100' }],
  existing_os: { name: 'Debian 12', device: '/dev/sda1' },
  nameservers: ['192.0.2.1'],
  cpu_model: 'EPYC',
} satisfies CheckinRequest;
const nothing = {
  disks: [],
  interfaces: [],
  gpus: [],
  existing_os: null,
  nameservers: [],
  cpu_model: null,
};

function read(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'agent-0.1.0', name), 'utf8'));
}

/** A machine's record after these check-ins, each in a boot of its own. */
async function recordAfter(...requests: readonly object[]) {
  const server = await startServer();
  let id = '';
  for (const request of requests) {
    const { status, body } = await server.call('POST', path, { body: request });
    expect([status, body.code]).toEqual([200, undefined]);
    id = body.machine_id;
  }
  const { body } = await server.call('GET', `/api/machines/${id}`);
  return body;
}

/** The part of it that is left. */
async function leftAfter(...requests: readonly object[]) {
  const { hardware, report } = await recordAfter(full, ...requests);
  return {
    disks: hardware.disks.length,
    interfaces: hardware.network_interfaces.length,
    gpus: hardware.gpus.length,
    existing_os: report.existing_os?.name ?? null,
    nameservers: report.nameservers.length,
    cpu_model: hardware.cpu_model,
  };
}

const everything = {
  disks: 1,
  interfaces: 1,
  gpus: 1,
  existing_os: 'Debian 12',
  nameservers: 1,
  cpu_model: 'EPYC',
};

describe('a machine that had one of everything and says that it has none', () => {
  it.each(['0.2.0', '0.2.1', '0.10.0', '1.0.0', '0.2.0+build'])(
    'loses it in its record, told by version %s of our agent',
    async (agent_version) => {
      const left = await leftAfter({ mac, boot_id: 'b2', agent_version, ...nothing });
      expect(left).toEqual({
        disks: 0,
        interfaces: 0,
        gpus: 0,
        existing_os: null,
        nameservers: 0,
        cpu_model: 'EPYC',
      });
    },
  );

  it.each<[string, Partial<CheckinRequest>]>([
    ['version 0.1.0 of our agent', { boot_id: 'b2', agent_version: '0.1.0' }],
    ['a release candidate', { boot_id: 'b2', agent_version: '0.2.0-rc.1' }],
    ['no version', { boot_id: 'b2' }],
    ['a null version', { boot_id: 'b2', agent_version: null }],
    ['a version that is none', { boot_id: 'b2', agent_version: 'latest' }],
    ['a simulated machine', { boot_id: 'b2', agent_version: 'simulated' }],
    ['a stock agent', {}],
    ['a stock agent of a high version', { agent_version: '9.0.0' }],
    ['an agent whose boot is not known', { boot_id: null, agent_version: '0.2.0' }],
    ['an agent whose boot is empty', { boot_id: '', agent_version: '0.2.0' }],
  ])('keeps it, told by %s', async (_, who) => {
    expect(await leftAfter({ mac, ...who, ...nothing })).toEqual(everything);
  });

  it('keeps what its agent did not look for', async () => {
    expect(await leftAfter({ mac, boot_id: 'b2', agent_version: '0.2.0' })).toEqual(everything);
  });
});

describe('version 0.1.0 of our agent', () => {
  it.each(['installed', 'unreadable'])('is read as it always was: %s', async (name) => {
    const body = read(`${name}.checkin.json`);
    expect(body).toMatchObject({ agent_version: '0.1.0', gpus: [], existing_os: null });
    const { identity, hardware, report } = await recordAfter(body);
    const { at: _at, ...said } = report;
    expect({ identity, hardware, report: said }).toEqual(withoutTime(read(`${name}.record.json`)));
  });

  it('takes no disk and no system away where it could not look', async () => {
    const first = {
      ...read('installed.checkin.json'),
      gpus: [{ name: 'A100' }],
      existing_os: { name: 'Debian 12', device: '/dev/sda1' },
    };
    const { hardware, report } = await recordAfter(first, read('unreadable.checkin.json'));
    expect(hardware.disks).toMatchObject([{ device: '/dev/sda', serial: 'S3Z2NB0K654321' }]);
    expect(hardware.gpus).toEqual([{ name: 'A100' }]);
    expect(report.existing_os).toMatchObject({ name: 'Debian 12' });
  });
});

function withoutTime(record: Record<string, unknown>): unknown {
  const { at: _at, ...report } = Object(record['report']);
  return { ...record, report };
}
