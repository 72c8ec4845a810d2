// Lists of the audit log, from either end. The store reads forward alone, so the newest entries are found in spans of
// time that reach ever further back.
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import type { AuditQuery } from '../../model/api/administration/audit.ts';
import type { AuditEntry } from '../../model/documents/audit.ts';
import type { DamagedRecord, Page, Store, Versioned } from '../../store/store.ts';
import { firstIdAt, idAt } from '../rules/id-at.ts';

interface ListServices {
  readonly store: Pick<Store, 'audit'>;
  readonly clock: Clock;
}

type Found = Versioned<AuditEntry>;

/** A page ends after reading this many entries, however few of them fit. */
const mostRead = 20_000;
const firstSpanMs = 3_600_000;
const pageLimit = 1000;

/** `most`: about the number of entries that are kept in memory for a page; a time with more of them is read again in
 *  parts.
 *  Errors: AppError `request.invalid`, `store.*`. */
export async function listAudit(
  s: ListServices,
  query: AuditQuery,
  most = mostRead,
): Promise<Page<AuditEntry>> {
  const { record, since, order = 'oldest', limit = 100, cursor } = query;
  const from = since === undefined ? '' : idAt(since);
  const fits = (found: Found): boolean => found.value.id >= from && isAsked(found.value, query);
  if (order === 'oldest') {
    const page = await (record === undefined
      ? s.store.audit.list({ limit, cursor, from: from || undefined })
      : s.store.audit.listBy('record', record, { limit, cursor }));
    return { ...page, items: page.items.filter(fits) };
  }
  const before = endOf(cursor);
  return record === undefined
    ? newest(s, { from, before, limit, fits, most })
    : newestOf(s, record, { before, limit, fits });
}

interface Asked {
  readonly before: string;
  readonly limit: number;
  fits(found: Found): boolean;
}

/** The entries of one record, of which there are few. */
async function newestOf({ store }: ListServices, record: string, asked: Asked) {
  const all: Found[] = [];
  for await (const found of store.audit.allBy('record', record)) {
    if (found.value.id < asked.before && asked.fits(found)) all.push(found);
  }
  return pageOf(all.toReversed(), asked.limit, [], undefined);
}

async function newest(
  { store, clock }: ListServices,
  { from, most, ...asked }: Asked & { readonly from: string; readonly most: number },
): Promise<Page<AuditEntry>> {
  const [oldest] = (await store.audit.list({ limit: 1 })).items;
  const first = oldest === undefined || oldest.value.id < from ? from : oldest.value.id;
  const items: Found[] = [];
  const damaged: DamagedRecord[] = [];
  let end = asked.before;
  let endMs = Math.min(timeOf(end), clock.now().getTime());
  let spanMs = firstSpanMs;
  let read = 0;
  while (items.length <= asked.limit && end > first && endMs > 0) {
    if (read >= most) return pageOf(items, asked.limit, damaged, end);
    const begin = firstIdAt(endMs - spanMs);
    const span = await entriesIn(store, begin, end, spanMs > 1 ? most : Infinity);
    if (span === undefined) {
      spanMs = Math.ceil(spanMs / 4);
      continue;
    }
    endMs -= spanMs;
    read += span.items.length;
    items.push(...span.items.filter((found) => asked.fits(found)).toReversed());
    damaged.push(...span.damaged);
    end = begin;
    if (span.items.length < asked.limit) spanMs *= 4;
  }
  return pageOf(items, asked.limit, damaged, undefined);
}

/** All entries from `begin` on and before `end`; undefined if there are more than `most`. */
async function entriesIn(store: ListServices['store'], begin: string, end: string, most: number) {
  const items: Found[] = [];
  const damaged: DamagedRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.audit.list({ from: begin, cursor, limit: pageLimit });
    const inside = page.items.filter(({ value }) => value.id < end);
    items.push(...inside);
    damaged.push(...page.damaged);
    if (items.length > most) return undefined;
    cursor = inside.length < page.items.length ? undefined : page.nextCursor;
  } while (cursor !== undefined);
  return { items, damaged };
}

/** `rest`: where to go on if all of `found` is on the page. */
function pageOf(
  found: readonly Found[],
  limit: number,
  damaged: readonly DamagedRecord[],
  rest: string | undefined,
): Page<AuditEntry> {
  const items = found.slice(0, limit);
  const nextCursor = found.length > limit ? items.at(-1)?.value.id : rest;
  return { items, damaged, nextCursor };
}

function isAsked(entry: AuditEntry, { by, action }: AuditQuery): boolean {
  if (by !== undefined && !entry.by.toLowerCase().includes(by.toLowerCase())) return false;
  return action === undefined || `${entry.action}.`.startsWith(`${action}.`);
}

/** The id that the page ends before. Errors: AppError `request.invalid` for a cursor that no page gave. */
function endOf(cursor: string | undefined): string {
  if (cursor === undefined) return 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  if (/^[0-9a-f]{8}-[0-9a-f]{4}(?:-[0-9a-f]{4}){0,3}(?:-[0-9a-f]{12})?$/.test(cursor))
    return cursor;
  throw new AppError('request.invalid', 'querystring: cursor is not a next_cursor of this list', {
    details: { path: 'cursor', part: 'querystring' },
  });
}

/** When an id was made, in milliseconds since 1970. */
function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 13).replace('-', ''), 16);
}
