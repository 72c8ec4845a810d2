import { describe, expect, it } from 'vitest';
import {
  runWorkflow,
  type ActionRunners,
  type WorkflowContext,
} from '../../../src/agent/orders/actions.ts';
import { openJournal } from '../../../src/agent/orders/journal.ts';
import type { Notebook } from '../../../src/agent/boot.ts';
import { AppError } from '../../../src/core/errors.ts';
import type { Subject } from '../../../src/agent/subject.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import type { WorkflowEvent } from '../../../src/model/api/agent.ts';
import { machine, MemoryServer, startLoop } from '../../transport/memory-server.ts';

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

function summary(events: readonly WorkflowEvent[]): string[] {
  return events.map((e) => {
    const action = 'action' in e ? ` ${e.action}` : '';
    return `${e.type}${action}${'success' in e ? ` ${e.success}` : ''}`;
  });
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

describe('runWorkflow', () => {
  const runAll = async (
    runners: ActionRunners,
    {
      actions = Object.keys(runners),
      ...more
    }: Partial<WorkflowContext> & { actions?: string[] } = {},
  ) => {
    const events: WorkflowEvent[] = [];
    const template = {
      timeoutSeconds: undefined,
      actions: actions.map((action) => ({ action, timeoutSeconds: undefined, fields: { action } })),
    };
    const [ended] = await Promise.allSettled([
      runWorkflow(workflow, template, {
        clock: new ManualClock(new Date(0)),
        signal: new AbortController().signal,
        runners,
        begin: async () => void events.push({ type: 'started', workflow }),
        report: (event) => events.push(event),
        flush: async () => {},
        ...more,
      }),
    ]);
    return { ended, events };
  };
  const fails = async (): Promise<void> => {
    throw new Error('no space');
  };

  it('looks at all actions before it runs the first', async () => {
    const ran: string[] = [];
    const note = async ({ action }: { action?: unknown }): Promise<void> =>
      void ran.push(String(action));
    const { ended, events } = await runAll(
      { first: note, second: note },
      {
        check({ action }) {
          if (action === 'second') throw new AppError('action.invalid', 'path is missing');
        },
      },
    );
    expect(ended).toMatchObject({ status: 'rejected', reason: { code: 'action.invalid' } });
    expect([ran, summary(events)]).toEqual([[], ['started', 'completed false']]);
  });

  it('goes on after a restart of the agent where it was', async () => {
    const notebook = memoryNotebook();
    const ran: string[] = [];
    const abort = new AbortController();
    const one = async (): Promise<void> => void ran.push('one');
    const two = async (_: unknown, { signal }: { signal: AbortSignal }): Promise<void> => {
      ran.push('two');
      if (ran.length < 3) abort.abort(new Error('the agent is stopped'));
      signal.throwIfAborted();
    };
    const actions = ['one', 'two'];
    await runAll(
      { one, two },
      { signal: abort.signal, journal: openJournal('boot', notebook), actions },
    );
    const again = await runAll({ one, two }, { journal: openJournal('boot', notebook), actions });
    expect(ran).toEqual(['one', 'two', 'two']);
    expect(summary(again.events).at(-1)).toBe('completed true');
    await runAll({ one, two }, { journal: openJournal('another boot', notebook), actions });
    expect(ran).toEqual(['one', 'two', 'two', 'one', 'two']);
  });

  it('gives a bookmark to the action that made it alone, in the same boot', async () => {
    const notebook = memoryNotebook();
    const seen: unknown[] = [];
    const abort = new AbortController();
    const marking: ActionRunners[string] = async (_, { bookmark, setBookmark, signal }) => {
      seen.push(bookmark);
      if (seen.length === 2) {
        await setBookmark?.({ reached: 7, etag: null });
        abort.abort(new Error('the agent is stopped'));
      }
      signal.throwIfAborted();
    };
    const actions = ['copy', 'copy', 'copy'];
    const run = (boot: string, more: Partial<WorkflowContext> = {}) =>
      runAll({ copy: marking }, { journal: openJournal(boot, notebook), actions, ...more });
    await run('boot', { signal: abort.signal });
    await run('boot');
    expect(seen).toEqual([undefined, undefined, { reached: 7, etag: null }, undefined]);
    await openJournal('boot', notebook).note(workflow, { finished: 0, bookmark: { reached: 7 } });
    await run('another boot');
    expect(seen.slice(4)).toEqual([undefined, undefined, undefined]);
  });

  it('does not go on after a restart of the agent with a template of other actions', async () => {
    const notebook = memoryNotebook();
    const ran: string[] = [];
    const abort = new AbortController();
    const runners: ActionRunners = {
      one: async () => void ran.push('one'),
      two: async () => {
        abort.abort(new Error('the agent is stopped'));
        throw abort.signal.reason;
      },
    };
    const journal = () => openJournal('boot', notebook);
    const { signal } = abort;
    await runAll(runners, { signal, journal: journal(), actions: ['one', 'two'] });
    const again = await runAll(runners, { journal: journal(), actions: ['two', 'one', 'one'] });
    expect(ran).toEqual(['one']);
    expect(again.events.at(-1)).toMatchObject({
      success: false,
      error: expect.stringContaining('other actions'),
    });
  });

  it('does not run again what was stopped, though the agent is restarted', async () => {
    const notebook = memoryNotebook();
    const stop = new AbortController();
    let tries = 0;
    const once = async (): Promise<void> => {
      tries += 1;
      stop.abort(new AppError('action.cancelled', 'it is over'));
      stop.signal.throwIfAborted();
    };
    const journal = openJournal('boot', notebook);
    const first = await runAll({ once }, { signal: stop.signal, journal });
    expect(summary(first.events)).toEqual(['started', 'action_started once']);
    await runAll({ once }, { journal: openJournal('boot', notebook) });
    expect(tries).toBe(1);
  });

  it('does not run again what failed, though the agent is restarted', async () => {
    const notebook = memoryNotebook();
    let tries = 0;
    const once = async (): Promise<void> => {
      tries += 1;
      throw new Error('no space');
    };
    await runAll({ once }, { journal: openJournal('boot', notebook) });
    const again = await runAll({ once }, { journal: openJournal('boot', notebook) });
    expect([tries, summary(again.events)]).toEqual([1, ['started', 'completed false']]);
  });

  it('leaves this boot last of all, and would again if that came to nothing', async () => {
    const notebook = memoryNotebook();
    const order: string[] = [];
    const runners: ActionRunners = {
      leave: async () => ({ leave: async () => void order.push('left') }),
    };
    for (const journal of [openJournal('boot', notebook), openJournal('boot', notebook)]) {
      const { ended } = await runAll(runners, {
        journal,
        flush: async () => void order.push('told'),
      });
      if (ended.status === 'fulfilled') await ended.value?.();
    }
    expect(order).toEqual(['told', 'left', 'told', 'left']);
  });

  it('tells with a failure what was printed last, and with success what was done', async () => {
    const { events } = await runAll({
      good: async () => ({ message: 'all of it', details: { bytes: 7 } }),
      bad: async (_, { note }) => {
        for (let i = 0; i < 100; i++) note(`line ${i}`);
        note('mkfs: cannot');
        const details = { output: ['mkfs: cannot'] };
        throw new AppError('tree.failed', 'x', {
          cause: new AppError('exec.failed', 'y', { details }),
        });
      },
    });
    expect(events.filter(({ type }) => type === 'action_completed')).toMatchObject([
      { action: 'good', success: true, report: { bytes: 7 } },
      {
        action: 'bad',
        success: false,
        output: Array.from({ length: 20 }, (_, i) => (i < 19 ? `line ${i + 81}` : 'mkfs: cannot')),
      },
    ]);
    expect(events).toContainEqual(
      expect.objectContaining({ action: 'good', progress: { percent: 100, message: 'all of it' } }),
    );
    expect(events.findLast(({ type }) => type === 'action_completed')).not.toHaveProperty('report');
  });

  it('runs no action after one that failed', async () => {
    let ran = 0;
    const { ended } = await runAll({ fails, after: async () => void (ran += 1) });
    expect([ended.status, ran]).toEqual(['rejected', 0]);
  });

  it('ends as failed when the whole takes longer than the template allows', async () => {
    const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
    const events: WorkflowEvent[] = [];
    const run = runWorkflow(
      workflow,
      {
        timeoutSeconds: 3,
        actions: [{ action: 'hang', timeoutSeconds: undefined, fields: {} }],
      },
      {
        clock,
        signal: new AbortController().signal,
        runners: {
          hang: (_fields, { signal }) =>
            new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason));
            }),
        },
        begin: async () => void events.push({ type: 'started', workflow }),
        report: (event) => events.push(event),
        flush: async () => {},
      },
    );
    await clock.advance(0);
    const [ended] = await Promise.allSettled([run, clock.advance(3_000)]);
    expect(ended).toMatchObject({ status: 'rejected', reason: { code: 'action.failed' } });
    expect(summary(events).at(-1)).toBe('completed false');
  });
});

function memoryNotebook(): Notebook {
  let text: string | undefined;
  return {
    read: async () => text,
    write: async (written) => {
      text = written;
    },
  };
}
