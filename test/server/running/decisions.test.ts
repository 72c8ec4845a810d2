import { expect, it } from 'vitest';
import type { Decision } from '../../../src/server/rules/decide.ts';
import { Decisions } from '../../../src/server/running/decisions.ts';

const wait: Decision = { state: 'Discovered', action: 'wait', workflowId: null };
const local: Decision = { state: 'Provisioned', action: 'localboot', workflowId: null };

/** A read that ends when it is told to. */
function reading(decision: Decision) {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, read: () => ended.then(() => decision) };
}

it('keeps a decision until its machine changes', async () => {
  const decisions = new Decisions();
  await decisions.refresh('a', async () => wait);
  await decisions.refresh('b', async () => local);
  decisions.forget('a');
  expect([decisions.get('a'), decisions.get('b')]).toEqual([undefined, local]);
  decisions.forget(undefined);
  expect(decisions.get('b')).toBeUndefined();
});

it.each(['a', undefined])(
  'does not keep a decision whose machine changed while it was read (%s)',
  async (changed) => {
    const decisions = new Decisions();
    const { end, read } = reading(wait);
    const refreshed = decisions.refresh('a', read);
    decisions.forget(changed);
    end();
    expect(await refreshed).toBe(wait);
    expect(decisions.get('a')).toBeUndefined();
  },
);

it('keeps a decision although another machine changed meanwhile', async () => {
  const decisions = new Decisions();
  const { end, read } = reading(wait);
  const refreshed = decisions.refresh('a', read);
  decisions.forget('b');
  end();
  await refreshed;
  expect(decisions.get('a')).toBe(wait);
});

it('keeps the decision that began to be read last, whichever ends last', async () => {
  const decisions = new Decisions();
  const [first, second] = [reading(wait), reading(local)];
  const both = [decisions.refresh('a', first.read), decisions.refresh('a', second.read)];
  second.end();
  await both[1];
  first.end();
  await both[0];
  expect(decisions.get('a')).toBe(local);
});

it('knows nothing of a machine whose decision cannot be read', async () => {
  const decisions = new Decisions();
  await decisions.refresh('a', async () => wait);
  const failed = decisions.refresh('a', async () => {
    throw new Error('the store is away');
  });
  await expect(failed).rejects.toThrow('the store is away');
  expect(decisions.get('a')).toBeUndefined();
});
