// A server with templates and one stock agent, and what is asked of them.
import { expect } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import type { AppOptions } from '../../../src/server/app.ts';
import { imageTemplate, rebootTemplate, startServer, type TestServer } from '../harness.ts';
import { holdToDragonflysTypes } from './held.ts';
import { StockAgent, stockRhythmMs, type StockMachine } from './stock-agent.ts';

export const disk = { name: 'sda', size_bytes: 480_103_981_056, model: 'SAMSUNG MZ7L3480' };

export const debian = { name: 'Debian GNU/Linux 12', device: '/dev/sda2' };

export const mac = '02:00:00:00:00:07';

/** The check-in of a stock agent at this address. */
export function stockBody(ofMac: string, address: string) {
  return {
    mac: ofMac,
    hostname: 'a',
    ip_address: address,
    existing_os: null,
    cpu_model: 'C',
    cpu_cores: 4,
    memory_bytes: 1024,
    disks: [{ name: 'sda', size_bytes: 480_103_981_056, model: 'M' }],
  };
}

const kexecTemplate = {
  ...imageTemplate,
  metadata: { name: 'kexec' },
  spec: { actions: [{ action: 'image2disk', url: 'http://images/x.raw' }, { action: 'kexec' }] },
};

const writeTemplate = {
  ...imageTemplate,
  metadata: { name: 'write' },
  spec: { actions: [{ action: 'writefile', path: '/etc/motd', content: 'hello\n' }] },
};

interface Rack {
  readonly server: TestServer;
  readonly clock: ManualClock;
  readonly agent: StockAgent;

  readonly wait: () => Promise<void>;
}

export async function rack(
  options: Partial<AppOptions> = {},
  machine: Partial<StockMachine> = {},
): Promise<Rack> {
  const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
  const server = await startServer({ clock, ...options });
  holdToDragonflysTypes(server);
  for (const template of [imageTemplate, rebootTemplate, kexecTemplate, writeTemplate]) {
    await server.call('PUT', `/api/templates/${template.metadata.name}`, { body: template });
  }
  const agent = new StockAgent(server.url, { mac, disks: [disk], ...machine });
  return { server, clock, agent, wait: () => clock.advance(stockRhythmMs) };
}

export async function order(
  server: TestServer,
  agent: StockAgent,
  template: string,
): Promise<string> {
  const { status, body } = await server.call('POST', '/api/workflows', {
    body: { machine_id: agent.machineId, template },
  });
  expect({ status, body }).toMatchObject({ status: 201 });
  return body.metadata.name;
}

export const workflowOf = async (server: TestServer, id: string) =>
  (await server.call('GET', `/api/workflows/${id}`)).body;

export const machineOf = async (server: TestServer, agent: StockAgent) =>
  (await server.call('GET', `/api/machines/${agent.machineId}`)).body;

export const scriptOf = async (server: TestServer): Promise<string> =>
  (await server.call('GET', `/boot/${mac}`)).body;
