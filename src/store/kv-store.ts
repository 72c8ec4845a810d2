// The Store over any Kv: the operations of storage-schema.md, each a read and a commit.
import { AppError, isAppError } from '../core/errors.ts';
import {
  keptChanges,
  type IdentityConflict,
  type MachineChange,
  type MachineHistory,
} from '../model/history.ts';
import type { Machine, MachineStateName } from '../model/machine.ts';
import type { Template } from '../model/template.ts';
import type { Workflow } from '../model/workflow.ts';
import { conflict } from './kv-errors.ts';
import { parseDocument } from './json.ts';
import { namePrefix, partName } from './keys.ts';
import type { Kv, KvChange, KvEntry, KvExpectation, KvOperation } from './kv.ts';
import * as kinds from './records.ts';
import { indexKeys, indexPrefix, recordKey, type Kind, type Setting } from './records.ts';
import type {
  Along,
  Clue,
  Expected,
  Page,
  PageRequest,
  Revision,
  Sighting,
  Store,
  StoreChange,
  Versioned,
} from './store.ts';

const defaultLimit = 100;
const maxLimit = 1000;
/** How often an unconditional write is tried again when others write the same record. */
const maxAttempts = 50;

const watchable = [
  { table: kinds.machines.table, name: 'machine' },
  { table: kinds.conflicts.table, name: 'conflict' },
  { table: kinds.templates.table, name: 'template' },
  { table: kinds.workflows.table, name: 'workflow' },
  { table: kinds.settings.table, name: 'setting' },
] as const;

/** What a write does besides its own record. */
interface Extra {
  readonly expectations: readonly KvExpectation[];
  readonly operations: readonly KvOperation[];
}
const nothingExtra: Extra = { expectations: [], operations: [] };

export class KvStore implements Store {
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  getMachine(id: string): Promise<Versioned<Machine> | undefined> {
    return this.#get(kinds.machines, id);
  }

  getMachineByIdentity(identityHash: string): Promise<Versioned<Machine> | undefined> {
    return this.#getByClue({ identityHash });
  }

  getMachineByMac(mac: string): Promise<Versioned<Machine> | undefined> {
    return this.#getByClue({ primaryMac: mac });
  }

  async findMachines(clues: readonly Clue[], limit: number): Promise<readonly Sighting[]> {
    const found = await this.#kv.read(clues.map((clue) => ({ prefix: cluePrefix(clue), limit })));
    return clues.map((clue, i) => {
      const entries = found[i] ?? [];
      const newest = Math.max(0, ...entries.map((e) => e.revision));
      return {
        clue,
        machineIds: entries.map((e) => lastPart(e.key)),
        newest: newest === 0 ? undefined : String(newest),
      };
    });
  }

  putMachine(machine: Machine, expected?: Expected, along: Along = {}): Promise<Revision> {
    return this.#put(kinds.machines, machine, expected, () => this.#goesAlong(machine.id, along));
  }

  listMachines(page?: PageRequest): Promise<Page<Machine>> {
    return this.#list(kinds.machines, page);
  }

  listMachinesByTag(tag: string, page?: PageRequest): Promise<Page<Machine>> {
    return this.#listBy(kinds.machines, indexPrefix('machines_by_tag', tag), page);
  }

  listMachinesByState(state: MachineStateName, page?: PageRequest): Promise<Page<Machine>> {
    return this.#listBy(kinds.machines, indexPrefix('machines_by_state', state), page);
  }

  deleteMachine(id: string, expected?: Expected): Promise<boolean> {
    const history = { key: recordKey(kinds.machineHistories, id), value: undefined };
    return this.#delete(kinds.machines, id, expected, {
      expectations: [],
      operations: [history],
    });
  }

  async getMachineHistory(id: string): Promise<readonly MachineChange[]> {
    return (await this.#get(kinds.machineHistories, id))?.value.changes ?? [];
  }

  getConflict(id: string): Promise<Versioned<IdentityConflict> | undefined> {
    return this.#get(kinds.conflicts, id);
  }

  putConflict(value: IdentityConflict, expected?: Expected): Promise<Revision> {
    return this.#put(kinds.conflicts, value, expected);
  }

  listConflicts(page?: PageRequest): Promise<Page<IdentityConflict>> {
    return this.#list(kinds.conflicts, page);
  }

  getConflictsForMachine(machineId: string, page?: PageRequest): Promise<Page<IdentityConflict>> {
    return this.#listBy(kinds.conflicts, indexPrefix('conflicts_by_machine', machineId), page);
  }

  deleteConflict(id: string, expected?: Expected): Promise<boolean> {
    return this.#delete(kinds.conflicts, id, expected);
  }

  getTemplate(name: string): Promise<Versioned<Template> | undefined> {
    return this.#get(kinds.templates, name);
  }

  putTemplate(template: Template, expected?: Expected): Promise<Revision> {
    return this.#put(kinds.templates, template, expected);
  }

  listTemplates(page?: PageRequest): Promise<Page<Template>> {
    return this.#list(kinds.templates, page);
  }

  deleteTemplate(name: string, expected?: Expected): Promise<boolean> {
    return this.#delete(kinds.templates, name, expected);
  }

  getWorkflow(id: string): Promise<Versioned<Workflow> | undefined> {
    return this.#get(kinds.workflows, id);
  }

  getWorkflowsForMachine(machineId: string, page?: PageRequest): Promise<Page<Workflow>> {
    return this.#listBy(kinds.workflows, indexPrefix('workflows_by_machine', machineId), page);
  }

  putWorkflow(workflow: Workflow, expected?: Expected): Promise<Revision> {
    return this.#put(kinds.workflows, workflow, expected);
  }

  listWorkflows(page?: PageRequest): Promise<Page<Workflow>> {
    return this.#list(kinds.workflows, page);
  }

  deleteWorkflow(id: string, expected?: Expected): Promise<boolean> {
    return this.#delete(kinds.workflows, id, expected);
  }

  async getSetting(key: string): Promise<Versioned<string> | undefined> {
    const found = await this.#get(kinds.settings, key);
    return found === undefined ? undefined : { value: found.value.value, revision: found.revision };
  }

  putSetting(key: string, value: string, expected?: Expected): Promise<Revision> {
    return this.#put(kinds.settings, { key, value }, expected);
  }

  deleteSetting(key: string, expected?: Expected): Promise<boolean> {
    return this.#delete(kinds.settings, key, expected);
  }

  listSettings(prefix: string, page?: PageRequest): Promise<Page<Setting>> {
    return this.#list(kinds.settings, page, {
      under: namePrefix(prefix),
      keep: (setting) => setting.key.startsWith(prefix),
    });
  }

  async watch(
    listener: (change: StoreChange | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const started = watchable.map(async ({ table, name }) => {
      const prefix = `${table}/`;
      const onChange = (change: KvChange | undefined): void => {
        listener(change && { kind: name, ...readChange(prefix, change) });
      };
      return this.#kv.watch(prefix, onChange, signal);
    });
    await Promise.all(started);
  }

  close(): Promise<void> {
    return this.#kv.close();
  }

  async #get<T extends object>(kind: Kind<T>, name: string): Promise<Versioned<T> | undefined> {
    const entry = await this.#readOne(recordKey(kind, name));
    return entry === undefined ? undefined : versioned<T>(entry);
  }

  async #readOne(key: string): Promise<KvEntry | undefined> {
    const [entries] = await this.#kv.read([{ key }]);
    return entries?.[0];
  }

  async #getByClue(clue: Clue): Promise<Versioned<Machine> | undefined> {
    // One entry is enough, unless its machine is deleted between the two reads.
    const [sighting] = await this.findMachines([clue], 2);
    for (const id of sighting?.machineIds ?? []) {
      const machine = await this.getMachine(id);
      if (machine !== undefined) return machine;
    }
    return undefined;
  }

  /** Writes a document with its index entries, removing those it no longer has. */
  async #put<T extends object>(
    kind: Kind<T>,
    document: T,
    expected: Expected,
    extra?: () => Promise<Extra>,
  ): Promise<Revision> {
    const key = recordKey(kind, kind.name(document));
    const value = JSON.stringify(document);
    const wanted = indexKeys(kind, document);
    return this.#attempt(expected, async () => {
      const old = expected === 'absent' ? undefined : await this.#readOne(key);
      checkExpected(expected, old);
      const present = old === undefined ? new Set<string>() : keysOf(kind, old);
      const { expectations, operations } = (await extra?.()) ?? nothingExtra;
      const revision = await this.#kv.commit(
        [{ key, revision: old?.revision ?? 0 }, ...expectations],
        [
          { key, value },
          ...[...wanted].filter((k) => !present.has(k)).map((k) => ({ key: k, value: '' })),
          ...[...present].filter((k) => !wanted.has(k)).map((k) => ({ key: k, value: undefined })),
          ...operations,
        ],
      );
      return String(revision);
    });
  }

  async #delete<T extends object>(
    kind: Kind<T>,
    name: string,
    expected: Expected,
    extra: Extra = nothingExtra,
  ): Promise<boolean> {
    const key = recordKey(kind, name);
    return this.#attempt(expected, async () => {
      const old = await this.#readOne(key);
      checkExpected(expected, old);
      if (old === undefined) return false;
      await this.#kv.commit(
        [{ key, revision: old.revision }, ...extra.expectations],
        [key, ...keysOf(kind, old)]
          .map((k): KvOperation => ({ key: k, value: undefined }))
          .concat(extra.operations),
      );
      return true;
    });
  }

  /** Tries again on a conflict where the caller expects nothing in particular. */
  async #attempt<T>(expected: Expected, write: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await write();
      } catch (err) {
        const again = expected === undefined && attempt < maxAttempts;
        if (!again || !isAppError(err, 'store.conflict')) throw err;
      }
    }
  }

  /** The operations and conditions that belong to a machine's commit. */
  async #goesAlong(machineId: string, along: Along): Promise<Extra> {
    const expectations: KvExpectation[] = (along.unlessSeen ?? []).map((sighting) => ({
      prefix: cluePrefix(sighting.clue),
      newest: Number(sighting.newest ?? 0),
    }));
    const operations: KvOperation[] = [];
    if (along.conflict !== undefined) operations.push(...creation(kinds.conflicts, along.conflict));
    if (along.changes !== undefined && along.changes.length > 0) {
      const key = recordKey(kinds.machineHistories, machineId);
      const old = await this.#readOne(key);
      const before = old === undefined ? [] : versioned<MachineHistory>(old).value.changes;
      const changes = [...along.changes, ...before].slice(0, keptChanges);
      expectations.push({ key, revision: old?.revision ?? 0 });
      operations.push({ key, value: JSON.stringify({ machine_id: machineId, changes }) });
    }
    return { expectations, operations };
  }

  /** A page of a whole table, or of its names `under` a prefix that pass `keep`. */
  async #list<T extends object>(
    kind: Kind<T>,
    page: PageRequest = {},
    only: { under: string; keep: (document: T) => boolean } = { under: '', keep: () => true },
  ): Promise<Page<T>> {
    const table = `${kind.table}/`;
    const limit = pageLimit(page);
    const items: Versioned<T>[] = [];
    let after = position(table, page.cursor);
    for (;;) {
      // One more than fits tells whether there is a next page.
      const read = { prefix: table + only.under, after, limit: limit + 1 - items.length };
      const [entries = []] = await this.#kv.read([read]);
      for (const entry of entries) {
        const item = versioned<T>(entry);
        if (!only.keep(item.value)) continue;
        if (items.length === limit) return { items, nextCursor: after?.slice(table.length) };
        items.push(item);
        after = entry.key;
      }
      if (entries.length < read.limit) return { items, nextCursor: undefined };
      after = entries.at(-1)?.key;
    }
  }

  /** A page of the documents that an index names. */
  async #listBy<T extends object>(
    kind: Kind<T>,
    prefix: string,
    page: PageRequest = {},
  ): Promise<Page<T>> {
    const limit = pageLimit(page);
    const read = { prefix, after: position(prefix, page.cursor), limit: limit + 1 };
    const [entries = []] = await this.#kv.read([read]);
    const shown = entries.slice(0, limit);
    const records = await this.#kv.read(
      shown.map((entry) => ({ key: `${kind.table}/${lastPart(entry.key)}` })),
    );
    return {
      // Between the two reads a record may have left the index.
      items: records
        .flat()
        .filter((entry) => keysOf(kind, entry).has(prefix + lastPart(entry.key)))
        .map((entry) => versioned<T>(entry)),
      nextCursor: entries.length > limit ? lastPart(shown.at(-1)?.key ?? '') : undefined,
    };
  }
}

function cluePrefix(clue: Clue): string {
  if ('identityHash' in clue) return indexPrefix('machines_by_identity', clue.identityHash);
  if ('primaryMac' in clue) return indexPrefix('machines_by_mac', kinds.macValue(clue.primaryMac));
  if ('mac' in clue) return indexPrefix('machines_by_any_mac', kinds.macValue(clue.mac));
  return indexPrefix('machines_by_smbios_uuid', clue.smbiosUuid.trim().toLowerCase());
}

function versioned<T extends object>(entry: KvEntry): Versioned<T> {
  // A table holds only what `#put` of its kind wrote, or what `check` has passed.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const value = parseDocument(entry.key, entry.value) as T;
  return { value, revision: String(entry.revision) };
}

function keysOf<T extends object>(kind: Kind<T>, entry: KvEntry): Set<string> {
  return indexKeys(kind, versioned<T>(entry).value);
}

function creation<T>(kind: Kind<T>, document: T): KvOperation[] {
  const record = { key: recordKey(kind, kind.name(document)), value: JSON.stringify(document) };
  return [record, ...[...indexKeys(kind, document)].map((key) => ({ key, value: '' }))];
}

function checkExpected(expected: Expected, old: KvEntry | undefined): void {
  if (expected === undefined) return;
  const revision = old === undefined ? 'absent' : String(old.revision);
  if (revision !== (expected === 'absent' ? expected : expected.revision)) throw conflict();
}

function readChange(prefix: string, { key, removed }: KvChange): Omit<StoreChange, 'kind'> {
  return { id: partName(key.slice(prefix.length)), removed };
}

function lastPart(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

function pageLimit(page: PageRequest): number {
  const limit = Math.trunc(page.limit ?? defaultLimit);
  return Number.isNaN(limit) ? defaultLimit : Math.min(Math.max(limit, 1), maxLimit);
}

/** The key to go on after. A cursor is the last name's part of a key. */
function position(prefix: string, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  if (cursor.length > 300 || !/^[ !-.0-~]+$/.test(cursor)) {
    throw new AppError('request.invalid', 'the cursor is not one that a page gave', {
      details: { path: 'cursor' },
    });
  }
  return prefix + cursor;
}
