// A workflow that ends at the server while a real agent runs it.
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { runAgent } from '../../../src/agent/agent.ts';
import type { ActionRunners } from '../../../src/agent/orders/actions.ts';
import type { Workflow } from '../../../src/model/documents/workflow.ts';
import { MemoryRoot, type Entry } from '../../probes/memory-root.ts';
import { imageTemplate } from '../../server/harness.ts';
import { startServer, type TestServer } from '../server.ts';

const port = '/sys/devices/pci0000:00/0000:00:03.0/net/eth0';
const files: Record<string, Entry> = {
  '/sys/class/net/eth0': { link: port },
  [`${port}/device`]: { link: '/sys/devices/pci0000:00/0000:00:03.0' },
  [`${port}/address`]: '52:54:00:00:00:01\n',
  [`${port}/type`]: '1\n',
  [`${port}/operstate`]: 'up\n',
};

const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

/** A server, and an agent that may act, with runners that note what they do. */
async function scene() {
  const server = await startServer({ liveness: { intervalSeconds: 1 } });
  const ran: string[] = [];
  const hang: ActionRunners[string] = (_fields, { signal }) =>
    new Promise((_resolve, reject) => {
      ran.push('image2disk');
      signal.addEventListener('abort', () => {
        ran.push('stopped');
        reject(signal.reason);
      });
    });
  const runners = {
    image2disk: hang,
    writefile: async () => void ran.push('writefile'),
    reboot: async () => void ran.push('reboot'),
  };
  const call = async (method: string, path: string, body?: object) => {
    const headers = { 'content-type': 'application/json' };
    const sent = body === undefined ? {} : { headers, body: JSON.stringify(body) };
    const answer = await fetch(server.url + path, { method, ...sent });
    // The server's answers on these routes are known.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return (await answer.json()) as Workflow;
  };
  await call('PUT', '/api/templates/debian', imageTemplate);
  const stop = new AbortController();
  stops.push(stop);
  const ended = runAgent({
    servers: [server.url],
    agentVersion: '0.2.0',
    root: new MemoryRoot(Object.entries(files)),
    signal: stop.signal,
    mayAct: true,
    runners,
    maxIntervalSeconds: 1,
  });
  onTestFinished(async () => {
    stop.abort();
    await ended;
    await server.close();
  });
  const machineId = await registered(server);
  const order = async (): Promise<string> =>
    (await call('POST', '/api/workflows', { machine_id: machineId, template: 'debian' })).metadata
      .name;
  return { call, order, ran };
}

async function registered({ store }: TestServer): Promise<string> {
  let id: string | undefined;
  await expect
    .poll(async () => {
      id = (await store.machines.list()).items[0]?.value.id;
      return id;
    })
    .toBeDefined();
  return id ?? '';
}

describe('a workflow that a real agent runs', () => {
  it('is stopped within a heartbeat when it is cancelled, and nothing after it runs', async () => {
    const { call, order, ran } = await scene();
    const id = await order();
    await expect.poll(() => ran, { timeout: 10_000 }).toEqual(['image2disk']);
    await call('POST', `/api/workflows/${id}/cancel`);
    await expect.poll(() => ran, { timeout: 3_000 }).toEqual(['image2disk', 'stopped']);
    const { status } = await call('GET', `/api/workflows/${id}`);
    expect(status).toMatchObject({ state: 'STATE_FAILED', cancelled: true });
    // The next one is taken up as if nothing had been.
    await order();
    await expect.poll(() => ran.length, { timeout: 10_000 }).toBe(3);
  });
});
