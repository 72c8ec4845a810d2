// Commits that come at one moment share a transaction of LMDB, and nothing else.
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Commits, type Commit } from '../../../src/store/lmdb/commits.ts';
import { openKv } from '../../../src/store/open.ts';

async function lmdb() {
  const directory = mkdtempSync(join(tmpdir(), 'dragonfly-commits-'));
  const kv = await openKv(`lmdb:${join(directory, 'data')}`);
  onTestFinished(async () => {
    await kv.close();
    await rm(directory, { recursive: true });
  });
  return kv;
}

describe('commits to LMDB at one moment', () => {
  it('leaves nothing of one that LMDB refuses half-way, and all of the others', async () => {
    const kv = await lmdb();
    const tooLong = `t/${'x'.repeat(3000)}`;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, n) =>
        kv.commit(
          [{ key: `t/${n}/a`, revision: 0 }],
          [
            { key: `t/${n}/a`, value: 'a' },
            { key: n % 5 === 3 ? tooLong : `t/${n}/b`, value: 'b' },
            { key: `t/${n}/c`, value: 'c' },
          ],
        ),
      ),
    );
    const failed = outcomes.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []));
    expect(failed).toEqual([3, 8]);
    const [entries = []] = await kv.read([{ prefix: 't/', limit: 100 }]);
    const whole = [0, 1, 2, 4, 5, 6, 7, 9, 10, 11].flatMap((n) => [
      `t/${n}/a`,
      `t/${n}/b`,
      `t/${n}/c`,
    ]);
    expect(entries.map(({ key }) => key)).toEqual(whole.toSorted());
    // It works again afterwards.
    await kv.commit([{ key: 't/3/a', revision: 0 }], [{ key: 't/3/a', value: 'a' }]);
  });

  it('lets each see what those before it wrote', async () => {
    const kv = await lmdb();
    const first = kv.commit([{ key: 't/a', revision: 0 }], [{ key: 't/a', value: '1' }]);
    const second = kv.commit([{ key: 't/a', revision: 0 }], [{ key: 't/a', value: '2' }]);
    const third = kv.commit([{ prefix: 't/', newest: 0 }], [{ key: 't/b', value: '3' }]);
    const outcomes = await Promise.allSettled([first, second, third]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  it('writes none again of which nobody knows whether it is on disk', async () => {
    const applied: Commit[] = [];
    const lost = new Error('the disk is gone');
    const commits = new Commits({
      transaction: async (work) => {
        await Promise.resolve();
        work();
        throw lost;
      },
      apply: (commit) => applied.push(commit),
    });
    const commit = { expectations: [], operations: [] };
    const outcomes = await Promise.allSettled([commits.add(commit), commits.add(commit)]);
    expect(outcomes).toEqual([
      { status: 'rejected', reason: lost },
      { status: 'rejected', reason: lost },
    ]);
    expect(applied).toHaveLength(2);
  });
});
