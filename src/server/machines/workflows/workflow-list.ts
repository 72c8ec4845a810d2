// Lists of workflows by state, time and machine, and their counts. What each is in is known without reading them
// all; a page then reads its own.
import { isAppError } from '../../../core/errors.ts';
import { stringifyExact } from '../../../core/text/exact-json.ts';
import type { WorkflowCounts, WorkflowListQuery } from '../../../model/api/workflows.ts';
import type { Workflow } from '../../../model/documents/workflow.ts';
import type { WorkflowWord } from '../../../model/documents/workflow-state.ts';
import { cursorAt, position } from '../../../store/collections/cursor.ts';
import { kinds, recordKey } from '../../../store/collections/kinds.ts';
import { keyPart, lastPart } from '../../../store/collections/keys.ts';
import type { DamagedRecord, Page, Store, Versioned } from '../../../store/store.ts';
import { idAt } from '../../rules/id-at.ts';
import { haveOneOf } from '../../rules/tags.ts';
import type { Fleet } from '../../running/metrics/fleet.ts';
import type { ReadServices } from '../machines.ts';

interface ListServices extends ReadServices {
  readonly fleet: Fleet;
}

/** The documents of a page are read until they are this many, or this large together. Units: bytes. */
const pageBytes = 2 * 1024 * 1024;
/** The keys of workflows begin so. */
const tablePrefix = recordKey(kinds.workflows, '');

/** `within`: only those of machines that have one of these tags. Errors: AppError `request.invalid`, `store.*`. */
export async function listWorkflows(
  s: ListServices,
  query: WorkflowListQuery,
  within?: readonly string[],
): Promise<Page<Workflow>> {
  const { machine_id, state, since, order = 'oldest', ...paging } = query;
  const machineId = machine_id?.toLowerCase();
  const isInside = await insideOf(s, within);
  const isPlain = state === undefined && since === undefined && order === 'oldest';
  if (isPlain && within === undefined) {
    return machineId === undefined
      ? s.store.workflows.list(paging)
      : s.store.workflows.listBy('machine', machineId, paging);
  }
  const from = since === undefined ? '' : idAt(since);
  const list = `workflows ${order}/`;
  const cursor = position(list, paging.cursor);
  const after = cursor === undefined ? undefined : lastPart(cursor);
  const isNewest = order === 'newest';
  const counted = [...(await s.fleet.workflows.all())]
    .filter(([name, { word, machineId: own }]) => {
      if (name < from || !isIn(word, state) || !isInside(own)) return false;
      return machineId === undefined || own === machineId;
    })
    .map(([name]): Listed => [keyPart(name), name]);
  // Nobody can say in which state these are, nor of which machine.
  const isHidden = within !== undefined && machineId === undefined;
  const damaged = (isHidden ? [] : await damagedParts(s.store, machineId))
    .filter((part) => part >= from)
    .map((part): Listed => [part, undefined]);
  const ordered = [...new Map([...damaged, ...counted])]
    .filter(([part]) => after === undefined || (isNewest ? part < after : part > after))
    .toSorted(([a], [b]) => (a < b === isNewest ? 1 : -1));
  const { last, ...page } = await readPage(s, ordered, paging.limit ?? 100);
  return { ...page, nextCursor: last === undefined ? undefined : cursorAt(list, list + last) };
}

/** The workflows made since then, by state; `within` as above. Errors: AppError `request.invalid`, `store.*`. */
export async function countWorkflows(
  { fleet }: Pick<ListServices, 'fleet'>,
  since: string | undefined,
  within?: readonly string[],
): Promise<WorkflowCounts['counts']> {
  const isInside = await insideOf({ fleet }, within);
  const from = since === undefined ? '' : idAt(since);
  const counts = { pending: 0, running: 0, success: 0, failed: 0, timeout: 0, cancelled: 0 };
  for (const [name, { word, machineId }] of await fleet.workflows.all()) {
    if (name >= from && isInside(machineId)) counts[word] += 1;
  }
  return counts;
}

/** True for the machines that have one of these tags, for all where there are none. */
async function insideOf(
  { fleet }: Pick<ListServices, 'fleet'>,
  within: readonly string[] | undefined,
): Promise<(machineId: string) => boolean> {
  if (within === undefined) return () => true;
  const machines = await fleet.machines.all();
  const have = haveOneOf(within);
  return (id) => have(machines.get(id)?.tags ?? []);
}

/** The last part of a workflow's key, and its name; undefined for one that cannot be read. */
type Listed = readonly [part: string, name: string | undefined];

/** A page of workflows, and the last part of its last one where others follow. */
async function readPage(
  { store }: ReadServices,
  listed: readonly Listed[],
  limit: number,
): Promise<Omit<Page<Workflow>, 'nextCursor'> & { readonly last: string | undefined }> {
  const items: Versioned<Workflow>[] = [];
  const damaged: DamagedRecord[] = [];
  let bytes = 0;
  let last: string | undefined;
  for (const [part, name] of listed) {
    if (items.length + damaged.length === limit || bytes > pageBytes)
      return { items, damaged, last };
    last = part;
    const found = await read(store, part, name);
    if (found === undefined) continue;
    if ('value' in found) items.push(found);
    else damaged.push(found);
    bytes += 'value' in found ? stringifyExact(found.value).length : found.error.length;
  }
  return { items, damaged, last: undefined };
}

/** Undefined for one that was deleted since it was counted. */
async function read(
  store: Store,
  part: string,
  name: string | undefined,
): Promise<Versioned<Workflow> | DamagedRecord | undefined> {
  const record = tablePrefix + part;
  try {
    if (name !== undefined) return await store.workflows.get(name);
  } catch (err) {
    if (!isAppError(err, 'store.damaged')) throw err;
  }
  const raw = await store.damage.get(record);
  return raw === undefined || raw.aside ? undefined : { record, error: raw.error, aside: false };
}

/** The last parts of the keys of workflows that cannot be read: of all, or of a machine. */
async function damagedParts(store: Store, machineId: string | undefined): Promise<string[]> {
  const all = store.damage.known().filter(({ record }) => record.startsWith(tablePrefix));
  if (all.length === 0 || machineId === undefined) return all.map(({ record }) => lastPart(record));
  const own: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.workflows.listBy('machine', machineId, { limit: 1000, cursor });
    own.push(...page.damaged.map(({ record }) => lastPart(record)));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return own;
}

function isIn(word: WorkflowWord, state: WorkflowListQuery['state']): boolean {
  const isActive = word === 'pending' || word === 'running';
  if (state === 'active') return isActive;
  if (state === 'ended') return !isActive;
  return state === undefined || state === word;
}
