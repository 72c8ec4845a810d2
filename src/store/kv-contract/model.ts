// A Kv beside the simplest thing that could be one, through a long sequence of drawn commits.
import assert from 'node:assert/strict';
import type { Kv, KvEntry, KvExpectation, KvOperation } from '../kv/kv.ts';
import { list, succeeds } from './steps.ts';

const keys = ['t/a/1', 't/a/2', 't/a/3', 't/b/1', 't/b/2', 't/c'];
const prefixes = ['t/a/', 't/b/', 't/'];

/** Numbers from 0 to below `limit`, the same each time, so that a failure can be repeated.
 *  Source: Park and Miller, "Random number generators: good ones are hard to find" (1988). */
function drawing(): (limit: number) => number {
  let state = 20_261_126;
  return (limit) => {
    state = (state * 16_807) % 2_147_483_647;
    return state % limit;
  };
}

export async function sameAsModel(kv: Kv): Promise<void> {
  const draw = drawing();
  const model = new Map<string, KvEntry>();
  for (let step = 0; step < 300; step += 1) {
    const operations = drawOperations(draw, step);
    const expectations = drawExpectations(draw, model, operations);
    const holds = expectations.every((expectation) => isMet(model, expectation));
    const commit = kv.commit(expectations, operations);
    const done = await succeeds(commit);
    assert.equal(done, holds, `step ${step}: ${JSON.stringify({ expectations, operations })}`);
    for (const { key, value } of done ? operations : []) {
      if (value === undefined) model.delete(key);
      else model.set(key, { key, value, revision: await commit });
    }
    const sorted = [...model.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
    assert.deepEqual(await list(kv, 't/'), sorted, `after step ${step}`);
  }
}

function drawOperations(draw: (limit: number) => number, step: number): KvOperation[] {
  const first = draw(keys.length);
  const chosen = keys.slice(first, first + 1 + draw(3));
  return chosen.map((key) => ({ key, value: draw(3) === 0 ? undefined : `${step}` }));
}

/** Mostly right ones; the first is of a key that is written. */
function drawExpectations(
  draw: (limit: number) => number,
  model: ReadonlyMap<string, KvEntry>,
  [written]: readonly KvOperation[],
): KvExpectation[] {
  if (written === undefined || draw(4) === 0) return [];
  const off = (): number => (draw(6) === 0 ? 1 : 0);
  const revisionOf = (key: string): number => model.get(key)?.revision ?? 0;
  const prefix = prefixes[draw(prefixes.length)] ?? '';
  const under = keys.filter((key) => key.startsWith(prefix)).map(revisionOf);
  const ofKey = { key: written.key, revision: Math.abs(revisionOf(written.key) - off()) };
  const ofPrefix = { prefix, newest: Math.max(0, Math.max(...under) - off()) };
  return draw(2) === 0 ? [ofKey] : [ofKey, ofPrefix];
}

function isMet(model: ReadonlyMap<string, KvEntry>, expectation: KvExpectation): boolean {
  if ('key' in expectation) {
    return (model.get(expectation.key)?.revision ?? 0) === expectation.revision;
  }
  const under = [...model.values()].filter(({ key }) => key.startsWith(expectation.prefix));
  return under.every(({ revision }) => revision <= expectation.newest);
}
