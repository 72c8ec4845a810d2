import { describe, expect, it } from 'vitest';
import { runWorkflow, type ActionRunners } from '../../../src/agent/orders/actions.ts';
import { AppError } from '../../../src/core/errors.ts';
import type { Subject } from '../../../src/agent/subject.ts';
import { machine, MemoryServer, startLoop } from '../../transport/memory-server.ts';
import { summary } from './summary.ts';

const workflow = '01930000-0000-7000-8000-0000000000aa';

/** A machine that runs workflows with these runners, as an embedder's would. */
function worker(runners: ActionRunners): Subject {
  return {
    ...machine(),
    async act(order, server) {
      const id = order.workflowId ?? '';
      const template = await server.template((await server.workflow(id)).templateRef);
      await runWorkflow(id, template, {
        ...server,
        runners,
        begin: () => server.begin(id),
        report: (event) => server.event(id, event),
      });
      return { final: true };
    },
  };
}

function serverWith(...actions: string[]): MemoryServer {
  const server = new MemoryServer();
  server.action = 'execute';
  server.workflowId = workflow;
  server.templates.set(workflow, {
    timeoutSeconds: undefined,
    actions: actions.map((action) => ({ action, timeoutSeconds: 5, fields: { action } })),
  });
  return server;
}

const successful = [
  'started',
  'action_started copy',
  'action_progress copy',
  'action_completed copy true',
  'completed true',
];
const copy: ActionRunners = {
  copy: async (_fields, { progress }) => progress({ percent: 50 }),
};

describe('an agent with a workflow to execute', () => {
  it('runs its actions and reports each step, once, although the server repeats the order', async () => {
    const server = serverWith('copy');
    const agent = startLoop({ transport: server, subject: worker(copy) });
    await agent.clock.advance(10 * 60_000);
    await agent.stop();
    expect(summary(server.events)).toEqual(successful);
  });

  it('refuses the whole workflow, before it did anything, for one action that it does not know', async () => {
    const server = serverWith('copy', 'constructor', 'copy');
    let ran = 0;
    const agent = startLoop({
      transport: server,
      subject: worker({ copy: async () => void (ran += 1) }),
    });
    await agent.clock.advance(60_000);
    await agent.stop();
    expect(ran).toBe(0);
    expect(summary(server.events)).toEqual(['started', 'completed false']);
    expect(server.received.flatMap((r) => r.problems ?? [])).toMatchObject([
      { code: 'action.unsupported', message: expect.stringContaining('"constructor"') },
    ]);
  });

  it('stops at an action that fails or takes longer than its timeout', async () => {
    const runners: ActionRunners = {
      copy: () => Promise.reject(new Error('no space')),
      hang: (_fields, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    };
    for (const action of ['copy', 'hang']) {
      const server = serverWith(action, 'copy');
      const agent = startLoop({ transport: server, subject: worker(runners) });
      await agent.clock.advance(60_000);
      await agent.stop();
      expect(summary(server.events)).toEqual([
        'started',
        `action_started ${action}`,
        `action_progress ${action}`,
        `action_completed ${action} false`,
        'completed false',
      ]);
    }
  });

  it('reports whole percents and always both fields, as Dragonfly takes them', async () => {
    const server = serverWith('copy');
    const runners: ActionRunners = {
      copy: async (_fields, { progress }) => {
        progress({ percent: 33.4 });
        progress({ message: 'half' });
        progress({ percent: 254.6 });
        throw new Error('no space');
      },
    };
    const agent = startLoop({ transport: server, subject: worker(runners) });
    await agent.clock.advance(60_000);
    await agent.stop();
    expect(server.events.flatMap((event) => ('progress' in event ? [event.progress] : []))).toEqual(
      [
        { percent: 33, message: '' },
        { percent: 33, message: 'half' },
        { percent: 100, message: 'half' },
        { percent: 100, message: 'no space' },
      ],
    );
  });

  it('delivers what happened during an outage afterwards, in order and once', async () => {
    const server = serverWith('copy');
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow: ActionRunners = {
      copy: async (_fields, { progress }) => {
        await gate;
        progress({ percent: 50 });
      },
    };
    server.templates.set(workflow, {
      timeoutSeconds: undefined,
      actions: [{ action: 'copy', timeoutSeconds: undefined, fields: {} }],
    });
    const agent = startLoop({ transport: server, subject: worker(slow) });
    await agent.clock.advance(1_000);
    server.fault = 'unreachable';
    release();
    await agent.clock.advance(3 * 3_600_000);
    expect(summary(server.events)).toEqual(successful.slice(0, 2));
    server.fault = 'none';
    await agent.clock.advance(120_000);
    await agent.stop();
    expect(summary(server.events)).toEqual(successful);
  });

  it('tries again when the workflow cannot be fetched for now', async () => {
    const server = serverWith('copy');
    const template = server.template.bind(server);
    let failures = 2;
    server.template = async function (name) {
      if (failures > 0) {
        failures -= 1;
        this.fault = 'unreachable';
      }
      try {
        return await template(name);
      } finally {
        this.fault = 'none';
      }
    };
    const agent = startLoop({ transport: server, subject: worker(copy) });
    await agent.clock.advance(5 * 60_000);
    await agent.stop();
    expect(summary(server.events)).toEqual(successful);
  });

  it('tells the server how many reports it had to drop', async () => {
    const server = serverWith('copy');
    const noisy: ActionRunners = {
      copy: async (_fields, { progress }) => {
        for (let i = 0; i < 1_200; i++) progress({ percent: i / 12 });
      },
    };
    const subject = worker(noisy);
    const agent = startLoop({
      transport: server,
      subject: {
        ...subject,
        act: (order, context) => {
          server.fault = 'unreachable';
          return subject.act(order, {
            ...context,
            begin: async () => {},
            workflow: async () => ({ templateRef: workflow }),
            template: async () => ({
              timeoutSeconds: undefined,
              actions: [{ action: 'copy', timeoutSeconds: undefined, fields: {} }],
            }),
          });
        },
      },
    });
    await agent.clock.advance(60_000);
    server.fault = 'none';
    await agent.clock.advance(120_000);
    await agent.stop();
    expect(server.events).toHaveLength(1_000);
    expect(server.events.at(-1)).toMatchObject({ type: 'completed', success: true });
    const problems = server.received.flatMap((r) => r.problems ?? []);
    expect(problems).toMatchObject([{ code: 'spool.dropped' }]);
    expect(problems[0]?.message).toContain('203 reports');
  });

  it.each([{ hasEnded: true }, { machineId: '01930000-0000-7000-8000-0000000000ff' }])(
    'runs nothing of a workflow that ended, or is another machine’s: %j',
    async (more) => {
      const server = serverWith('copy');
      server.workflow = async (id) => ({ templateRef: id, ...more });
      const agent = startLoop({ transport: server, subject: worker(copy) });
      await agent.clock.advance(60_000);
      await agent.stop();
      expect(server.events).toEqual([]);
      expect(server.received.flatMap((r) => r.problems ?? [])).toMatchObject([
        { code: 'action.refused' },
      ]);
    },
  );

  it.each([
    ['is over', { hasEnded: true }],
    ['is of another machine by now', { machineId: '01930000-0000-7000-8000-0000000000ff' }],
    ['was begun by another boot', { bootId: 'another' }],
    ['is held', { held: 'restored from a backup' }],
  ])(
    'stops the action under way, and runs none after it, when the workflow %s',
    async (_, told) => {
      const server = serverWith('hang', 'copy');
      server.templates.set(workflow, {
        timeoutSeconds: undefined,
        actions: ['hang', 'copy'].map((action) => ({
          action,
          timeoutSeconds: undefined,
          fields: {},
        })),
      });
      const ran: string[] = [];
      const runners: ActionRunners = {
        hang: (_fields, { signal }) =>
          new Promise((_resolve, reject) => {
            ran.push('hang');
            signal.addEventListener('abort', () => {
              ran.push('stopped');
              reject(signal.reason);
            });
          }),
        copy: async () => void ran.push('copy'),
      };
      const agent = startLoop({ transport: server, subject: worker(runners) });
      await agent.clock.advance(10_000);
      server.action = 'wait';
      server.workflowId = null;
      await agent.clock.advance(60_000);
      expect(ran).toEqual(['hang']);
      server.workflow = async (id) => ({ templateRef: id, ...told });
      await agent.clock.advance(server.intervalSeconds * 1_000);
      await agent.stop();
      expect(ran).toEqual(['hang', 'stopped']);
      expect(summary(server.events)).toEqual(['started', 'action_started hang']);
      expect(agent.states.at(-1)?.order).toBeUndefined();
    },
  );

  it('runs nothing before the server knows that this boot begins', async () => {
    const server = serverWith('copy');
    const sendEvent = server.sendEvent.bind(server);
    let tries = 0;
    server.sendEvent = async (id, event) => {
      if (event.type === 'started' && (tries += 1) < 3) {
        throw new AppError('server.unreachable', 'down');
      }
      return sendEvent(id, event);
    };
    const agent = startLoop({ transport: server, subject: worker(copy) });
    await agent.clock.advance(20_000);
    expect([tries, server.events]).toEqual([1, []]);
    await agent.clock.advance(5 * 60_000);
    await agent.stop();
    expect(summary(server.events)).toEqual(successful);
    expect(server.events.map((event) => event.boot_id)).toEqual(successful.map(() => 'boot'));
  });

  it.each([
    ['once the server is back', 60_000],
    ['after two minutes without it', 600_000],
  ])('has its last words before it leaves: %s', async (_when, awayMs) => {
    const server = serverWith('copy');
    let leftMs: number | undefined;
    const subject: Subject = {
      ...machine(),
      async act(_order, context) {
        server.fault = 'unreachable';
        context.event(workflow, { type: 'completed', success: true });
        await context.delivered();
        leftMs = context.clock.elapsedMs();
        return { final: true };
      },
    };
    const agent = startLoop({ transport: server, subject });
    await agent.clock.advance(awayMs);
    server.fault = 'none';
    await agent.clock.advance(10_000);
    await agent.stop();
    const patientMs = Math.min(awayMs, 120_000);
    expect(leftMs).toBeGreaterThanOrEqual(patientMs);
    expect(leftMs).toBeLessThan(patientMs + 10_000);
  });

  it('runs nothing where the server does not consent', async () => {
    const server = serverWith('copy');
    const details = { status: 409, code: 'workflow.refused' };
    const sendEvent = server.sendEvent.bind(server);
    server.sendEvent = async () => {
      throw new AppError('server.rejected', 'another boot', { details });
    };
    let ran = 0;
    const agent = startLoop({
      transport: server,
      subject: worker({ copy: async () => void (ran += 1) }),
    });
    await agent.clock.advance(10 * 60_000);
    expect(ran).toBe(0);
    server.sendEvent = sendEvent;
    await agent.clock.advance(60_000);
    await agent.stop();
    expect(ran).toBe(1);
  });
});
