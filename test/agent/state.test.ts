import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyFailure } from '../../src/transport/failure.ts';
import {
  initialState,
  retryPolicy,
  slowRetry,
  transition,
  type AgentEvent,
  type AgentState,
} from '../../src/agent/state.ts';
import { AppError } from '../../src/core/errors.ts';
import type { CheckinResponse } from '../../src/model/api/agent.ts';

const answer: CheckinResponse = {
  machine_id: '01930000-0000-7000-8000-000000000001',
  memorable_name: 'AbleAbleAbleAble',
  is_new: true,
  action: 'wait',
  workflow_id: null,
  matched_by: 'new',
  evidence: [],
  heartbeat_interval_seconds: 30,
};

const half = (): number => 0.5;

function after(events: AgentEvent[], nowMs = 0, random = half): AgentState {
  let state = initialState(0);
  for (const event of events) state = transition(state, event, nowMs, random);
  return state;
}

function rejected(status: number, retryAfterMs?: number): AgentEvent {
  return {
    type: 'failed',
    failure: classifyFailure(
      new AppError('server.rejected', 'no', { details: { status, retryAfterMs } }),
    ),
  };
}

const unreachable: AgentEvent = {
  type: 'failed',
  failure: classifyFailure(new AppError('server.unreachable', 'gone')),
};
const online: AgentEvent = { type: 'network', up: true };
const registered: AgentEvent[] = [online, { type: 'checked-in', answer }];

describe('transition', () => {
  it('looks for the network each second until there is one, then checks in at once', () => {
    expect(after([{ type: 'network', up: false }], 5_000)).toMatchObject({
      phase: 'waiting',
      dueMs: 6_000,
    });
    expect(after([online], 7_000)).toMatchObject({ phase: 'checking-in', dueMs: 7_000 });
  });

  it('beats at the interval that the server gives, for each answer anew', () => {
    expect(after(registered)).toMatchObject({ phase: 'beating', dueMs: 30_000 });
    const slower = { ...answer, heartbeat_interval_seconds: 120 };
    expect(after([...registered, { type: 'beaten', answer: slower }])).toMatchObject({
      dueMs: 120_000,
    });
  });

  it.each([0, -5, 1e-9])('does not let an interval of %d s make it spin', (seconds) => {
    const mad = { ...answer, heartbeat_interval_seconds: seconds };
    expect(after([online, { type: 'checked-in', answer: mad }]).dueMs).toBe(1_000);
  });

  it('checks in again at once when a heartbeat is answered by 404 or 401', () => {
    for (const status of [404, 401, 403]) {
      expect(after([...registered, rejected(status)], 9_000)).toMatchObject({
        phase: 'checking-in',
        dueMs: 9_000,
      });
    }
  });

  it('retries a check-in that is refused only slowly', () => {
    for (const status of [400, 401, 403, 404, 409, 422]) {
      const { phase, dueMs } = after([online, rejected(status)]);
      expect(phase).toBe('waiting');
      expect(dueMs).toBe((slowRetry.minMs + slowRetry.maxMs) / 2);
    }
  });

  it('waits as long as Retry-After says, and up to half of it more', () => {
    for (const status of [429, 503]) {
      expect(after([...registered, rejected(status, 20_000)], 0, () => 0).dueMs).toBe(20_000);
      expect(after([...registered, rejected(status, 20_000)], 0, half).dueMs).toBe(25_000);
    }
    expect(after([...registered, rejected(503, 1e12)]).dueMs).toBeLessThan(2 * 3_600_000);
  });

  it('stays registered while the server cannot be reached, and forgets the failures afterwards', () => {
    const broken = after([...registered, unreachable, rejected(502), unreachable]);
    expect(broken).toMatchObject({ phase: 'beating', failures: 3 });
    const mended = transition(broken, { type: 'beaten', answer }, 0, half);
    expect(mended).toMatchObject({ phase: 'beating', failures: 0, dueMs: 30_000 });
    expect(mended.lastFailure).toBeUndefined();
  });

  it('draws each delay evenly below a ceiling that doubles from 1 s to 60 s, for ever', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, chance) => {
          let state = after(registered);
          for (let i = 0; i < n; i++) state = transition(state, unreachable, 0, half);
          const { dueMs } = transition(state, unreachable, 0, () => chance);
          const ceiling = Math.min(retryPolicy.capMs, retryPolicy.baseMs * 2 ** n);
          expect(dueMs).toBeCloseTo(chance * ceiling, 6);
        },
      ),
      { numRuns: 50 },
    );
  });

  describe('with an order', () => {
    const reboot: CheckinResponse = { ...answer, action: 'reboot' };
    const ordered: AgentEvent[] = [online, { type: 'checked-in', answer: reboot }];

    it('acts, and goes on beating meanwhile', () => {
      expect(after(ordered)).toMatchObject({
        phase: 'acting',
        order: { action: 'reboot', workflowId: null },
        dueMs: 30_000,
      });
      expect(after([...ordered, unreachable]).phase).toBe('acting');
    });

    it('beats at once when the order is done, and does not do it again when it is repeated', () => {
      const done: AgentEvent[] = [...ordered, { type: 'acted', final: true }];
      expect(after(done, 1_234)).toMatchObject({ phase: 'beating', dueMs: 1_234 });
      expect(after([...done, { type: 'beaten', answer: reboot }]).phase).toBe('beating');
    });

    it('does it again when the server asked for something else in between', () => {
      const again = after([
        ...ordered,
        { type: 'acted', final: true },
        { type: 'beaten', answer },
        { type: 'beaten', answer: reboot },
      ]);
      expect(again.phase).toBe('acting');
    });

    it('keeps the order when the server forgets the machine in between', () => {
      const forgotten = after([...ordered, rejected(404)]);
      expect(forgotten).toMatchObject({ phase: 'checking-in', order: { action: 'reboot' } });
      const ended = transition(forgotten, { type: 'acted', final: true }, 0, half);
      expect(ended.order).toBeUndefined();
      expect(transition(ended, { type: 'checked-in', answer: reboot }, 0, half).phase).toBe(
        'beating',
      );
    });
  });
});
