import { v7 } from 'uuid';
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import type { AuditQuery } from '../../../src/model/api/administration/audit.ts';
import { appendAudit } from '../../../src/server/running/audit-log.ts';
import { listAudit } from '../../../src/server/running/audit-list.ts';
import { openStore } from '../../../src/store/open.ts';

const start = new Date('2026-01-01T00:00:00Z');

/** A log of `count` entries, `everyMs` apart, by two people in turn. */
async function prepared(count: number, everyMs: number) {
  const clock = new ManualClock(start);
  const store = await openStore('memory:');
  let sequence = 0;
  const newId = () => v7({ msecs: clock.now().getTime(), seq: (sequence += 1) });
  const s = { store, clock, newId };
  for (let n = 0; n < count; n += 1) {
    await appendAudit(s, {
      by: n % 2 === 0 ? 'Alice@example.com (oidc 1)' : 'night-shift',
      from: null,
      action: n % 3 === 0 ? 'machines.patch' : 'machinery.put',
      records: [`machines/${n % 5}`],
      change: n,
      request_id: null,
    });
    await clock.advance(everyMs);
  }
  /** The changes on all pages, and how many pages there were. */
  const all = async (query: AuditQuery, most?: number) => {
    const changes: unknown[] = [];
    let pages = 0;
    let cursor: string | undefined;
    do {
      const asked = { ...query, ...(cursor === undefined ? {} : { cursor }) };
      const page = await listAudit(s, { order: 'newest', ...asked }, most);
      expect(page.items.length).toBeLessThanOrEqual(query.limit ?? 100);
      changes.push(...page.items.map(({ value }) => value.change));
      cursor = page.nextCursor;
      pages += 1;
    } while (cursor !== undefined);
    return { changes, pages };
  };
  return { s, all };
}

const downFrom = (last: number, step = 1) =>
  Array.from({ length: Math.floor(last / step) + 1 }, (_, i) => last - i * step);

it.each([
  ['all at once', 0],
  ['one a second', 1000],
  ['one a day', 86_400_000],
])('gives the newest first, each once, where they came %s', async (_name, everyMs) => {
  const { all } = await prepared(60, everyMs);
  expect(await all({ limit: 25 })).toEqual({ changes: downFrom(59), pages: 3 });
  expect(await all({ limit: 60 })).toEqual({ changes: downFrom(59), pages: 1 });
  // However few are read at a time.
  expect((await all({ limit: 25 }, 7)).changes).toEqual(downFrom(59));
  expect((await all({ limit: 1 })).changes).toEqual(downFrom(59));
});

it('finds those by somebody, of a kind, of a record and from a time on, from either end', async () => {
  const { all } = await prepared(60, 3_600_000);
  const oldest = { order: 'oldest' } as const;
  expect((await all({ by: 'alice@', limit: 7 })).changes).toEqual(downFrom(58, 2));
  expect((await all({ action: 'machines', limit: 7 })).changes).toEqual(downFrom(57, 3));
  expect((await all({ action: 'machines.patch' })).changes).toEqual(downFrom(57, 3));
  expect((await all({ action: 'machine' })).changes).toEqual([]);
  expect((await all({ record: 'machines/4', limit: 5 })).changes).toEqual(downFrom(59, 5));
  const since = new Date(start.getTime() + 50 * 3_600_000).toISOString();
  expect((await all({ since })).changes).toEqual(downFrom(59).slice(0, 10));
  expect((await all({ since, record: 'machines/4' })).changes).toEqual([59, 54]);
  expect((await all({ ...oldest, since, by: 'night' })).changes).toEqual([51, 53, 55, 57, 59]);
  expect((await all({ by: 'nobody' })).changes).toEqual([]);
});

it('refuses a cursor that no page gave, and an empty log has one page', async () => {
  const { s, all } = await prepared(0, 0);
  expect(await all({})).toEqual({ changes: [], pages: 1 });
  for (const cursor of ['garbage', '', '01930000', '~']) {
    await expect(listAudit(s, { order: 'newest', cursor })).rejects.toMatchObject({
      code: 'request.invalid',
    });
  }
});
