// One workflow run by runWorkflow: the order of its actions, restarts, failures and the time it may take.
import { describe, expect, it } from 'vitest';
import {
  runWorkflow,
  type ActionRunners,
  type WorkflowContext,
} from '../../../src/agent/orders/actions.ts';
import { openJournal } from '../../../src/agent/orders/journal.ts';
import type { Notebook } from '../../../src/agent/boot.ts';
import { AppError } from '../../../src/core/errors.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import type { WorkflowEvent } from '../../../src/model/api/agent.ts';
import { summary } from './summary.ts';

const workflow = '01930000-0000-7000-8000-0000000000aa';

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
