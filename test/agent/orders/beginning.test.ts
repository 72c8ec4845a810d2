// Workflows that an agent may not begin, or not go on with.
import { describe, expect, it } from 'vitest';
import type { ActionRunners } from '../../../src/agent/orders/actions.ts';
import { AppError } from '../../../src/core/errors.ts';
import type { Subject } from '../../../src/agent/subject.ts';
import { machine, startLoop } from '../../transport/memory-server.ts';
import { summary } from './summary.ts';
import { workflow, worker, serverWith, successful, copy } from './worker.ts';

describe('an agent with a workflow to execute', () => {
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
