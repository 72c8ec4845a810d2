// Lists of workflows by state, time and machine, and their counts. What each is in is known without reading them
// all; a page then reads its own.
import { AppError, isAppError } from '../../core/errors.ts';
import { stringifyExact } from '../../core/exact-json.ts';
import type { WorkflowCounts, WorkflowListQuery } from '../../model/api/workflows.ts';
import type { Workflow } from '../../model/documents/workflow.ts';
import type { WorkflowWord } from '../../model/documents/workflow-state.ts';
import type { Page, Store, Versioned } from '../../store/store.ts';
import { idAt } from '../rules/id-at.ts';
import type { Fleet } from '../running/metrics/fleet.ts';
import type { ReadServices } from './machines.ts';

interface ListServices extends ReadServices {
  readonly fleet: Fleet;
}

/** The documents of a page are read until they are this many, or this large together. Units: bytes. */
const pageBytes = 2 * 1024 * 1024;

/** Errors: AppError `request.invalid`, `store.*`. */
export async function listWorkflows(
  s: ListServices,
  query: WorkflowListQuery,
): Promise<Page<Workflow>> {
  const { machine_id, state, since, order = 'oldest', ...paging } = query;
  const machineId = machine_id?.toLowerCase();
  if (state === undefined && since === undefined && order === 'oldest') {
    return machineId === undefined
      ? s.store.workflows.list(paging)
      : s.store.workflows.listBy('machine', machineId, paging);
  }
  const from = since === undefined ? '' : idAt(since);
  const cursor = cursorOf(paging.cursor);
  const isNewest = order === 'newest';
  const names = [...(await s.fleet.workflows.all())]
    .filter(([name, { word, machineId: own }]) => {
      if (name < from || !isIn(word, state)) return false;
      if (machineId !== undefined && own !== machineId) return false;
      return cursor === undefined || (isNewest ? name < cursor : name > cursor);
    })
    .map(([name]) => name)
    .toSorted((a, b) => (a < b === isNewest ? 1 : -1));
  return readPage(s, names, paging.limit ?? 100);
}

/** The workflows made since then, by state. Errors: AppError `request.invalid`, `store.*`. */
export async function countWorkflows(
  { fleet }: Pick<ListServices, 'fleet'>,
  since: string | undefined,
): Promise<WorkflowCounts['counts']> {
  const from = since === undefined ? '' : idAt(since);
  const counts = { pending: 0, running: 0, success: 0, failed: 0, timeout: 0, cancelled: 0 };
  for (const [name, { word }] of await fleet.workflows.all()) if (name >= from) counts[word] += 1;
  return counts;
}

async function readPage(
  { store }: ReadServices,
  names: readonly string[],
  limit: number,
): Promise<Page<Workflow>> {
  const items: Versioned<Workflow>[] = [];
  let bytes = 0;
  let last: string | undefined;
  for (const name of names) {
    if (items.length === limit || bytes > pageBytes) {
      return { items, damaged: [], nextCursor: last };
    }
    last = name;
    const found = await readable(store, name);
    if (found === undefined) continue;
    items.push(found);
    bytes += stringifyExact(found.value).length;
  }
  return { items, damaged: [], nextCursor: undefined };
}

/** Undefined for one that was deleted, or damaged, since it was counted. */
async function readable(store: Store, name: string): Promise<Versioned<Workflow> | undefined> {
  try {
    return await store.workflows.get(name);
  } catch (err) {
    if (isAppError(err, 'store.damaged')) return undefined;
    throw err;
  }
}

function isIn(word: WorkflowWord, state: WorkflowListQuery['state']): boolean {
  const isActive = word === 'pending' || word === 'running';
  if (state === 'active') return isActive;
  if (state === 'ended') return !isActive;
  return state === undefined || state === word;
}

/** Errors: AppError `request.invalid` for one that no page gave. */
function cursorOf(text: string | undefined): string | undefined {
  if (text === undefined || /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return text;
  throw new AppError('request.invalid', 'querystring: cursor is no next_cursor of this list', {
    details: { path: 'cursor', part: 'querystring' },
  });
}
