// Lists of machines: filtered, searched and paged in the store's own order, so that the first page
// costs the same however many machines there are.
import type { Clock } from '../../core/clock.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import { nextTurn } from '../../core/turns.ts';
import type { LivenessName } from '../../model/api/agent.ts';
import { stateName, type Machine } from '../../model/machine.ts';
import type { MachineListQuery } from '../../model/api/machines.ts';
import { type Searched, type TextFieldName } from '../../model/search/fields.ts';
import { asStored } from '../../model/text/tag.ts';
import { factsOf } from '../../model/search/facts.ts';
import { compileQuery, type ReadTerm, type Search } from '../../model/search/query.ts';
import type {
  DamagedRecord,
  Names,
  Page,
  PageRequest,
  Store,
  Versioned,
} from '../../store/store.ts';
import { keyPart } from '../../store/collections/keys.ts';
import { mostReturns } from '../rules/local-boot.ts';
import { haveOneOf } from '../rules/tags.ts';
import type { Liveness } from '../running/liveness/liveness.ts';
import type { Fleet } from '../running/metrics/fleet.ts';
import { MachineTexts } from '../running/search/machine-texts.ts';
import { viewMachine, type ReadServices } from './machines.ts';

/** The number of records that a search reads for one page before it returns a short one. */
const scanLimit = 20_000;
/** The texts in memory may lack what was changed in the time that the store's watch is behind. */
const freshMs = 5000;
/** The names that are looked through at once for those of a sender's tags. */
const namesAtOnce = 1000;

export interface ListServices extends ReadServices {
  readonly liveness: Liveness;
  readonly clock: Clock;
  readonly texts: MachineTexts;
  readonly fleet: Pick<Fleet, 'machines'>;
}

export interface MachinePage {
  readonly machines: readonly Machine[];
  /** Those among them that cannot be read. */
  readonly damaged: readonly DamagedRecord[];
  readonly nextCursor: string | undefined;
  /** True if there are too many machines for their texts to be in memory: a search reads the records. */
  readonly isUnindexed: boolean;
}

/** The next machines that the query asks for; fewer than its limit where it has to search for them. `within`:
 *  only those with one of these tags. */
export async function listMachines(
  s: ListServices,
  sent: MachineListQuery,
  within?: readonly string[],
): Promise<MachinePage> {
  const { tag } = sent;
  const query = tag === undefined ? sent : { ...sent, tag: await spellingOf(s.store, tag) };
  const limit = query.limit ?? 100;
  const search = searchFor(query.q, s.clock);
  const terms = termsOf(query, search);
  const names = await namesFor(query, search, terms, s);
  const isUnindexed =
    search !== undefined && names === undefined && s.texts.isGivenUp && s.texts.canTell(terms);
  const next = source(s, query, await namesWithin(s, within, names));
  const matches = bothOf(matcher(query, search, s), taggedWith(within));
  if (matches === undefined) {
    const page = await next({ limit, cursor: query.cursor });
    const { items, damaged, nextCursor } = page;
    return { machines: items.map((item) => item.value), damaged, nextCursor, isUnindexed };
  }
  // A cursor points between pages of the store, so these are small: few matches have to fit at the end.
  const step = Math.max(1, Math.ceil(limit / 4));
  const machines: Machine[] = [];
  const damaged: DamagedRecord[] = [];
  let cursor = query.cursor;
  for (let scanned = 0; machines.length + step <= limit && scanned < scanLimit; scanned += step) {
    const page = await next({ limit: step, cursor });
    for (const { value } of page.items) if (matches(value)) machines.push(value);
    // Nobody can say which tags it has.
    if (within === undefined) damaged.push(...page.damaged);
    cursor = page.nextCursor;
    if (cursor === undefined) break;
    await nextTurn();
  }
  return { machines, damaged, nextCursor: cursor, isUnindexed };
}

/** The tag as machines have it: as an older version took it from a request, or else as this one does. */
export async function spellingOf({ machines }: Store, tag: string): Promise<string> {
  const stored = asStored(tag);
  if (tag === stored) return tag;
  const { items, damaged } = await machines.listBy('tag', tag, { limit: 1 });
  return items.length + damaged.length > 0 ? tag : stored;
}

type Matches = ((machine: Machine) => boolean) | undefined;

function taggedWith(tags: readonly string[] | undefined): Matches {
  const have = tags && haveOneOf(tags);
  return have && (({ config }) => have(config.tags));
}

function bothOf(one: Matches, other: Matches): Matches {
  if (one === undefined || other === undefined) return one ?? other;
  return (machine) => one(machine) && other(machine);
}

/** The names of all machines that a query can find; undefined where those may be any. */
async function namesFor(
  { ids, liveness }: MachineListQuery,
  search: Search | undefined,
  terms: readonly ReadTerm[],
  s: ListServices,
): Promise<Names | undefined> {
  const isSearch = search !== undefined || liveness !== undefined;
  if (!isSearch || ids !== undefined || s.store.watchAgeMs() >= freshMs) return undefined;
  return s.texts.named(terms);
}

/** Those of the names that are of machines with one of these tags. A page that ended at another machine would tell its
 *  id, and that there is one which the query finds. */
async function namesWithin(
  { fleet }: ListServices,
  within: readonly string[] | undefined,
  names: Names | undefined,
): Promise<Names | undefined> {
  if (within === undefined) return names;
  const have = haveOneOf(within);
  const inside = [...(await fleet.machines.all())].filter(([, { tags }]) => have(tags));
  const own = inside.map(([id]) => keyPart(id)).toSorted();
  if (names === undefined) {
    return (after = '', limit) => {
      const from = own.findIndex((name) => name > after);
      return Promise.resolve(from === -1 ? [] : own.slice(from, from + limit));
    };
  }
  const isOwn = new Set(own);
  return async (after, limit) => {
    const found: string[] = [];
    for (let reached = after; found.length < limit;) {
      const some = await names(reached, namesAtOnce);
      found.push(...some.filter((name) => isOwn.has(name)));
      if (some.length < namesAtOnce) break;
      reached = some.at(-1);
    }
    return found.slice(0, limit);
  };
}

/** Those of the search, and of what is asked for beside it. */
function termsOf(
  { tag, state, liveness }: MachineListQuery,
  search: Search | undefined,
): ReadTerm[] {
  return [
    ...(search?.terms ?? []),
    ...wholeTerm('live', liveness),
    ...wholeTerm('tag', tag),
    ...wholeTerm('state', state),
  ];
}

function wholeTerm(field: TextFieldName, text: string | undefined): readonly ReadTerm[] {
  if (text === undefined || text === '') return [];
  return [{ field, how: 'whole', wanted: [text.toLowerCase()], isNegated: false }];
}

/** The texts and times that searches look at, kept of all machines unless they have more than `mostBytes`. */
export function machineTexts(
  s: Omit<ListServices, 'texts' | 'fleet'>,
  mostBytes?: number,
): MachineTexts {
  const viewOf = (machine: Machine): Searched | undefined => {
    const { local_boot: boots, status } = machine;
    // That it keeps coming back is a problem that begins and ends by itself.
    const mayChange = (boots?.returns ?? 0) >= mostReturns;
    // Heard once, although nobody can say when.
    const isStrange = status.last_seen !== null && Number.isNaN(Date.parse(status.last_seen));
    return mayChange || isStrange ? undefined : { ...viewMachine(machine, s), status };
  };
  return new MachineTexts(s.store.machines, viewOf, s.liveness, mostBytes);
}

/** The machines that are named, or the narrowest list that the store keeps, among those of `among`. */
function source(
  { store }: ListServices,
  { ids, tag, state }: MachineListQuery,
  among: Names | undefined,
): (page: PageRequest) => Promise<Page<Machine>> {
  if (ids !== undefined) return () => namedMachines(store, ids);
  if (tag !== undefined) return (page) => store.machines.listBy('tag', tag, { ...page, among });
  if (state !== undefined) {
    return (page) => store.machines.listBy('state', state, { ...page, among });
  }
  return (page) => store.machines.list({ ...page, among });
}

async function namedMachines(store: Store, ids: string): Promise<Page<Machine>> {
  const named = new Set(ids.toLowerCase().split(','));
  const read = async (id: string): Promise<Versioned<Machine> | DamagedRecord | undefined> => {
    try {
      return await store.machines.get(id);
    } catch (err) {
      if (!isAppError(err, 'store.damaged')) throw err;
      return { record: `machines/${id}`, error: err.message, aside: false };
    }
  };
  const items: Versioned<Machine>[] = [];
  const damaged: DamagedRecord[] = [];
  for (const found of await Promise.all([...named].map(read))) {
    if (found === undefined) continue;
    if ('value' in found) items.push(found);
    else damaged.push(found);
  }
  return { items, damaged, nextCursor: undefined };
}

/** Checks the conditions that the list itself does not meet; undefined when it has only matches. */
function matcher(
  { ids, tag, state, liveness }: MachineListQuery,
  search: Search | undefined,
  s: ListServices,
): Matches {
  const tagLeft = ids === undefined ? undefined : tag;
  const stateLeft = ids === undefined && tag === undefined ? undefined : state;
  if ([search, liveness, tagLeft, stateLeft].every((left) => left === undefined)) return undefined;
  return (machine) => {
    if (tagLeft !== undefined && !machine.config.tags.includes(tagLeft)) return false;
    if (stateLeft !== undefined && stateName(machine.status.state) !== stateLeft) return false;
    if (liveness !== undefined && livenessOf(machine, s.liveness) !== liveness) return false;
    return search === undefined || search.matches(factsOf(viewMachine(machine, s)));
  };
}

/** Errors: AppError `request.invalid` for a query that means nothing. */
function searchFor(q: string | undefined, clock: Clock): Search | undefined {
  if (q === undefined || q.trim() === '') return undefined;
  const search = compileQuery(q, clock.now().getTime());
  // Whoever changes what "tag:" finds, for want of a value in a script, would change every machine.
  const refused = search.fault ?? search.unfinished;
  if (refused === undefined) return search;
  throw new AppError('request.invalid', `querystring: q: ${refused}`, {
    details: { path: 'q', part: 'querystring' },
  });
}

function livenessOf(machine: Machine, alive: Liveness): LivenessName | null {
  return alive.of(machine.id, machine.status.last_seen !== null);
}
