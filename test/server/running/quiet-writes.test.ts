import { describe, expect, it } from 'vitest';
import { QuietWrites } from '../../../src/server/running/quiet-writes.ts';
import type { StoreChange } from '../../../src/store/store.ts';

const change = (id: string, removed = false): StoreChange => ({ kind: 'machines', id, removed });

/** Changes that are told of a write during which the watch brings `changes`. */
async function toldOf(
  changes: readonly StoreChange[],
  failure?: Error,
): Promise<readonly StoreChange[]> {
  const quiet = new QuietWrites();
  const told: StoreChange[] = [];
  const write = async (): Promise<void> => {
    for (const brought of changes) if (!quiet.takes(brought)) told.push(brought);
    if (failure !== undefined) throw failure;
  };
  await quiet.run('a', write, (late) => told.push(late)).catch(() => {});
  expect(quiet.takes(change('a'))).toBe(false);
  return told;
}

describe('a write that nobody needs to hear of', () => {
  it.each([
    ['is not told', [change('a')], undefined, []],
    ['keeps no change of another machine back', [change('b')], undefined, [change('b')]],
    ["hides no write of somebody else's", [change('a'), change('a')], undefined, [change('a')]],
    ['hides no removal after it', [change('a'), change('a', true)], undefined, [change('a', true)]],
    [
      'hides nothing of what came before it and made it fail',
      [change('a')],
      new Error('a conflict'),
      [change('a')],
    ],
    ['tells nothing when it fails and nothing came', [], new Error('no store'), []],
  ])('%s', async (_name, changes, failure, told) => {
    expect(await toldOf(changes, failure)).toEqual(told);
  });
});
