// The agent's real loop and transport against the real server, with a fault on every other request:
// whatever is on the wire, the records have to be those of a good day.
import { afterAll, describe, expect, it } from 'vitest';
import { runWorkflow } from '../../src/agent/orders/actions.ts';
import type { Boot } from '../../src/agent/boot.ts';
import { runLoop } from '../../src/agent/loop.ts';
import type { Subject } from '../../src/agent/subject.ts';
import { Spool } from '../../src/agent/spool.ts';
import type { AgentEvent } from '../../src/agent/state.ts';
import { Timeline } from '../../src/agent/timeline.ts';
import { HttpTransport } from '../../src/transport/transport.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { openStore } from '../../src/store/open.ts';
import { faults, startFaultProxy, type Fault } from '../transport/fault-proxy.ts';
import { startServer } from './server.ts';
import { hasOpenssl, TestCa } from '../transport/test-ca.ts';

/** Short enough for a test, and long enough for a busy machine. */
const deadlines = { headersTimeoutMs: 700, bodyTimeoutMs: 700, totalTimeoutMs: 1_500 };

const template = {
  apiVersion: 'dragonfly.computer/v1',
  kind: 'Template',
  metadata: { name: 'notes' },
  spec: {
    actions: [
      { action: 'writefile', path: '/note', content: 'x' },
      { action: 'efibootmgr', set_pxe_first: true },
    ],
  },
};

/** A running agent on a machine in memory that can carry out the template above. */
function startAgent(url: string) {
  const stop = new AbortController();
  const answers: Extract<AgentEvent, { type: 'checked-in' }>['answer'][] = [];
  const done: string[] = [];
  let waiters: { readonly wanted: (event: AgentEvent) => boolean; readonly resolve: () => void }[] =
    [];
  let sequence = 0;
  const boot: Boot = {
    id: '0b0e3f1c-58b5-4c59-9f63-0d6a6f4c1a11',
    uptimeMs: () => 1_000,
    nextSequence: async () => (sequence += 1),
  };
  const subject: Subject = {
    addresses: () => ['127.0.0.1'],
    describe: async () => ({ mac: '02:00:00:00:00:01', cpu_cores: 4 }),
    async act(order, server) {
      const id = order.workflowId ?? '';
      await runWorkflow(id, await server.template((await server.workflow(id)).templateRef), {
        ...server,
        runners: {
          writefile: async () => void done.push('writefile'),
          efibootmgr: async () => void done.push('efibootmgr'),
        },
        begin: () => server.begin(id),
        report: (event) => server.event(id, event),
      });
      return { final: true };
    },
  };
  const transport = new HttpTransport(url, { clock: systemClock, ...deadlines });
  const ended = runLoop({
    subject,
    transport,
    boot,
    clock: systemClock,
    timeline: new Timeline(boot),
    spool: new Spool(),
    // Retries without waiting: the delays themselves are tested on the manual clock.
    random: () => 0.02,
    signal: stop.signal,
    log: silentLog,
    maxIntervalSeconds: 1,
    onState: (_state, event) => {
      if (event === undefined) return;
      if (event.type === 'checked-in') answers.push(event.answer);
      const met = waiters.filter((w) => w.wanted(event));
      waiters = waiters.filter((w) => !met.includes(w));
      for (const { resolve } of met) resolve();
    },
  });
  return {
    answers,
    done,
    /** Resolves at the next event of this type. */
    next: (type: AgentEvent['type']) =>
      new Promise<void>((resolve) => {
        waiters.push({ wanted: (event) => event.type === type, resolve });
      }),
    async stop() {
      stop.abort(new Error('the test is over'));
      await ended;
      await transport.close();
    },
  };
}

async function post(url: string, method: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
  expect(response.ok).toBe(true);
  return response;
}

/** A machine's whole day behind the proxy: it registers, beats, and runs a workflow. */
async function liveThrough(fault: Fault) {
  const server = await startServer();
  const proxy = await startFaultProxy(server.url, fault, (count) => count % 2 === 0);
  const registered = startAgent(proxy.url);
  try {
    await registered.next('checked-in');
    await registered.next('beaten');
    const [machine] = (await server.store.machines.list()).items;
    await post(`${server.url}/api/templates/notes`, 'PUT', template);
    const order = { machine_id: machine?.value.id, template: 'notes' };
    await post(`${server.url}/api/workflows`, 'POST', order);
    await registered.next('acted');
    await registered.next('beaten');
    await registered.next('beaten');
    proxy.heal();
    await registered.next('beaten');
    const { items: machines } = await server.store.machines.list();
    const { items: workflows } = await server.store.workflows.list();
    return {
      met: proxy.met(),
      answers: registered.answers,
      done: registered.done,
      machines: machines.map((m) => m.value),
      workflows: workflows.map((w) => w.value),
    };
  } finally {
    await registered.stop();
    await proxy.close();
    await server.close();
  }
}

describe.concurrent('an agent, when every other request meets', () => {
  it.each(Object.entries(faults))('%s', { timeout: 60_000 }, async (_, fault) => {
    const { met, answers, done, machines, workflows } = await liveThrough(fault);
    expect(met).toBeGreaterThan(4);
    // Registered once, and a repeat is answered as the first time was.
    expect(machines).toHaveLength(1);
    expect(answers.map((a) => [a.machine_id, a.is_new])).toEqual([[machines[0]?.id, true]]);
    // The workflow ran once, and every event of it has arrived.
    expect(done).toEqual(['writefile', 'efibootmgr']);
    expect(workflows).toHaveLength(1);
    expect(workflows[0]?.status).toMatchObject({
      state: 'STATE_SUCCESS',
      actions: [
        { name: 'writefile', status: 'STATE_SUCCESS' },
        { name: 'efibootmgr', status: 'STATE_SUCCESS' },
      ],
    });
    expect(machines[0]?.status.current_workflow).toBeNull();
    expect(machines[0]?.status.last_workflow_result).toHaveProperty('Success');
  });
});

describe('an agent', () => {
  it('is the same machine, and goes on beating, after the server was away and came back', async () => {
    const store = await openStore('memory:');
    const first = await startServer({ store });
    const agent = startAgent(first.url);
    await agent.next('beaten');
    await first.close();
    await agent.next('failed');
    const second = await startServer({ store }, { port: first.port });
    await agent.next('beaten');
    await agent.stop();
    await second.close();
    const { items } = await store.machines.list();
    expect(items.map((m) => m.value.id)).toEqual([agent.answers[0]?.machine_id]);
    await store.close();
  });
});

describe.skipIf(!hasOpenssl)('an agent (skipped without openssl)', () => {
  const ca = hasOpenssl ? new TestCa() : undefined;
  afterAll(() => ca?.remove());

  it('registers without a restart once an expired certificate was replaced', async () => {
    if (ca === undefined) return;
    const { PinnedTrust } = await import('../../src/transport/pinned-trust.ts');
    const trust = new PinnedTrust({
      caSha256: ca.sha256,
      now: () => new Date(),
      setClock: async () => {},
    });
    const expired = ca.issue('IP:127.0.0.1', '2010-01-01', '2015-01-01');
    const server = await startServer({ tls: expired });
    const transport = new HttpTransport(server.url, { clock: systemClock, trust });
    const request = { mac: '02:00:00:00:00:01' };
    const call = { signal: new AbortController().signal };
    await expect(transport.checkIn(request, call)).rejects.toThrow('expired on 2015-01-01');
    const { cert, key } = ca.issue('IP:127.0.0.1', '2020-01-01', '2040-01-01');
    if (!('setSecureContext' in server.server)) throw new Error('not a TLS server');
    // @ts-expect-error -- the server of an https: test is a tls.Server
    server.server.setSecureContext({ cert, key });
    expect(await transport.checkIn(request, call)).toMatchObject({ is_new: true });
    await transport.close();
    await server.close();
  });
});
