// Events of an agent, and the workflow after them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WorkflowEvent } from '../../../../src/model/api/agent.ts';
import type { Workflow } from '../../../../src/model/documents/workflow.ts';
import { advance } from '../../../../src/server/rules/workflow/progress.ts';

const now = new Date('2026-01-01T00:00:00Z');
const later = new Date('2026-01-01T00:01:00Z');
const ours = 'c0ffee00-0000-4000-8000-000000000000';

function workflowOf(...names: string[]): Workflow {
  return {
    kind: 'Workflow',
    metadata: { name: 'w' },
    spec: { hardwareRef: 'm', templateRef: 't' },
    status: {
      state: 'STATE_PENDING',
      actions: names.map((name) => ({ name, status: 'STATE_PENDING' })),
    },
  };
}

const event = fc.oneof(
  fc.constant<WorkflowEvent>({ type: 'started' }),
  fc
    .constantFrom('a', 'b', 'unknown')
    .map((action) => ({ type: 'action_started' as const, action })),
  fc.record({
    type: fc.constant('action_progress' as const),
    action: fc.constantFrom('a', 'b'),
    progress: fc.record({ percent: fc.integer({ min: 0, max: 100 }) }),
  }),
  fc.record({
    type: fc.constant('action_completed' as const),
    action: fc.constantFrom('a', 'b'),
    success: fc.boolean(),
  }),
  fc.record({ type: fc.constant('completed' as const), success: fc.boolean() }),
);

describe('the events of a workflow', () => {
  it('change nothing when they are repeated', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 12 }), event, (before, last) => {
        const reached = before.reduce((w, e) => advance(w, e, now, ours), workflowOf('a', 'b'));
        const once = advance(reached, last, now, ours);
        expect(advance(once, last, later, ours)).toBe(once);
      }),
      { numRuns: 500 },
    );
  });

  it('change nothing once it is finished', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(event, { maxLength: 12 }), (success, after) => {
        const finished = advance(workflowOf('a', 'b'), { type: 'completed', success }, now, ours);
        expect(after.reduce((w, e) => advance(w, e, later, ours), finished)).toBe(finished);
      }),
      { numRuns: 200 },
    );
  });

  it('never let progress leave 0 to 100', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        const { status } = events.reduce((w, e) => advance(w, e, now, ours), workflowOf('a', 'b'));
        expect(status?.progress ?? 0).toBeGreaterThanOrEqual(0);
        expect(status?.progress ?? 0).toBeLessThanOrEqual(100);
      }),
      { numRuns: 500 },
    );
  });

  it('tell actions of one name apart by their order', () => {
    const run = (...events: WorkflowEvent[]) =>
      events.reduce((w, e) => advance(w, e, now, ours), workflowOf('writefile', 'writefile')).status
        ?.actions;
    const started: WorkflowEvent = { type: 'action_started', action: 'writefile' };
    const done: WorkflowEvent = { type: 'action_completed', action: 'writefile', success: true };
    const states = (...events: WorkflowEvent[]) => run(...events)?.map((a) => a.status);
    expect(states(started, done, done)).toEqual(['STATE_SUCCESS', 'STATE_PENDING']);
    expect(states(started, done, started)).toEqual(['STATE_SUCCESS', 'STATE_RUNNING']);
    expect(states(started, done, started, done)).toEqual(['STATE_SUCCESS', 'STATE_SUCCESS']);
  });

  it('count an image as most of the work', () => {
    const names = ['partition', 'image2disk', 'writefile', 'writefile', 'reboot'];
    const seen: number[] = [];
    let workflow = advance(workflowOf(...names), { type: 'started' }, now, ours);
    for (const action of names) {
      for (const told of [
        { type: 'action_started' as const, action },
        { type: 'action_progress' as const, action, progress: { percent: 50 } },
        { type: 'action_completed' as const, action, success: true },
      ]) {
        workflow = advance(workflow, told, now, ours);
        seen.push(workflow.status?.progress ?? 0);
      }
    }
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect([seen[4], seen[5], seen.at(-1)]).toEqual([51, 97, 100]);
  });

  it('name the action that failed', () => {
    const failed = [
      { type: 'action_started' as const, action: 'a' },
      { type: 'action_progress' as const, action: 'a', progress: { message: 'no space left' } },
      { type: 'action_completed' as const, action: 'a', success: false },
      { type: 'completed' as const, success: false },
    ].reduce((w, e) => advance(w, e, now, ours), workflowOf('a'));
    expect(failed.status).toMatchObject({
      state: 'STATE_FAILED',
      error: 'a failed: no space left',
      actions: [{ status: 'STATE_FAILED', seconds: 0 }],
    });
  });
});
