import { describe, expect, it } from 'vitest';
import type { ActionRunners } from '../../../src/agent/orders/actions.ts';
import { startLoop } from '../../transport/memory-server.ts';
import { summary } from './summary.ts';
import { workflow, worker, serverWith, successful, copy } from './worker.ts';

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
});
