import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { stateName, type Machine } from '../../../src/model/machine.ts';
import { Decisions } from '../../../src/server/running/decisions.ts';
import { machine as record } from '../../store/documents.ts';

const now = new Date('2026-06-01T12:00:00Z');
const discovered = record(1);
const ready: Machine = { ...discovered, status: { ...discovered.status, state: 'Ready' } };

/** Decisions that tell the state of the record they were made from. */
function open(): Decisions {
  return new Decisions(
    async ({ status }) => ({
      state: stateName(status.state),
      action: 'wait',
      workflowId: null,
      bootId: null,
    }),
    new ManualClock(now),
  );
}

/** A read that ends when it is told to. */
function reading(machine: Machine) {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, read: () => ended.then(() => machine) };
}

it('keeps a decision until its machine changes', async () => {
  const decisions = open();
  await decisions.refresh('a', () => discovered);
  await decisions.refresh('b', async () => ready);
  decisions.forget('a');
  expect([decisions.get('a'), decisions.get('b')?.state]).toEqual([undefined, 'Ready']);
  decisions.forget(undefined);
  expect(decisions.get('b')).toBeUndefined();
});

it.each(['a', undefined])(
  'does not keep a decision whose machine changed while it was read (%s)',
  async (changed) => {
    const decisions = open();
    const { end, read } = reading(discovered);
    const refreshed = decisions.refresh('a', read);
    decisions.forget(changed);
    end();
    expect((await refreshed).state).toBe('Discovered');
    expect(decisions.get('a')).toBeUndefined();
  },
);

it('keeps a decision although another machine changed meanwhile', async () => {
  const decisions = open();
  const { end, read } = reading(discovered);
  const refreshed = decisions.refresh('a', read);
  decisions.forget('b');
  end();
  await refreshed;
  expect(decisions.get('a')?.state).toBe('Discovered');
});

it('keeps the decision that began to be read last, whichever ends last', async () => {
  const decisions = open();
  const [first, second] = [reading(discovered), reading(ready)];
  const both = [decisions.refresh('a', first.read), decisions.refresh('a', second.read)];
  second.end();
  await both[1];
  first.end();
  await both[0];
  expect(decisions.get('a')?.state).toBe('Ready');
});

it('knows nothing of a machine whose record cannot be read', async () => {
  const decisions = open();
  await decisions.refresh('a', () => discovered);
  const failed = decisions.refresh('a', async () => {
    throw new Error('the store is away');
  });
  await expect(failed).rejects.toThrow('the store is away');
  expect(decisions.get('a')).toBeUndefined();
});

it.each([0, 365, -365])(
  'forgets a decision when its time has come, though the clock is set by %d days',
  async (days) => {
    const clock = new ManualClock(now);
    const decision = { state: 'Ready', action: 'wait', workflowId: null, bootId: null } as const;
    const until = new Date(now.getTime() + 1000);
    const decisions = new Decisions(async () => ({ ...decision, until }), clock);
    await decisions.refresh('a', () => discovered);
    clock.stepWall(days * 86_400_000);
    await clock.advance(999);
    expect(decisions.get('a')).toBeDefined();
    await clock.advance(1);
    expect(decisions.get('a')).toBeUndefined();
  },
);
