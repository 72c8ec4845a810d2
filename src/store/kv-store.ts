// The Store over any Kv: the operations of storage-schema.md, each a read and a commit.
import {
  keptChanges,
  type IdentityConflict,
  type MachineChange,
  type MachineHistory,
} from '../model/history.ts';
import type { Machine, MachineStateName } from '../model/machine.ts';
import type { Template } from '../model/template.ts';
import type { Workflow } from '../model/workflow.ts';
import { creation, Documents, lastPart, versioned, type Extra } from './documents.ts';
import { namePrefix, partName } from './keys.ts';
import type { Kv, KvChange, KvExpectation, KvOperation } from './kv.ts';
import * as kinds from './records.ts';
import { indexPrefix, recordKey, type Setting } from './records.ts';
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

const watchable = [
  { table: kinds.machines.table, name: 'machine' },
  { table: kinds.conflicts.table, name: 'conflict' },
  { table: kinds.templates.table, name: 'template' },
  { table: kinds.workflows.table, name: 'workflow' },
  { table: kinds.settings.table, name: 'setting' },
] as const;

export class KvStore implements Store {
  readonly #kv: Kv;
  readonly #documents: Documents;

  constructor(kv: Kv) {
    this.#kv = kv;
    this.#documents = new Documents(kv);
  }

  getMachine(id: string): Promise<Versioned<Machine> | undefined> {
    return this.#documents.get(kinds.machines, id);
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
    return this.#documents.put(kinds.machines, machine, expected, () =>
      this.#goesAlong(machine.id, along),
    );
  }

  listMachines(page?: PageRequest): Promise<Page<Machine>> {
    return this.#documents.list(kinds.machines, page);
  }

  listMachinesByTag(tag: string, page?: PageRequest): Promise<Page<Machine>> {
    return this.#documents.listBy(kinds.machines, indexPrefix('machines_by_tag', tag), page);
  }

  listMachinesByState(state: MachineStateName, page?: PageRequest): Promise<Page<Machine>> {
    return this.#documents.listBy(kinds.machines, indexPrefix('machines_by_state', state), page);
  }

  deleteMachine(id: string, expected?: Expected): Promise<boolean> {
    const history = { key: recordKey(kinds.machineHistories, id), value: undefined };
    return this.#documents.delete(kinds.machines, id, expected, {
      expectations: [],
      operations: [history],
    });
  }

  async getMachineHistory(id: string): Promise<readonly MachineChange[]> {
    return (await this.#documents.get(kinds.machineHistories, id))?.value.changes ?? [];
  }

  getConflict(id: string): Promise<Versioned<IdentityConflict> | undefined> {
    return this.#documents.get(kinds.conflicts, id);
  }

  putConflict(value: IdentityConflict, expected?: Expected): Promise<Revision> {
    return this.#documents.put(kinds.conflicts, value, expected);
  }

  listConflicts(page?: PageRequest): Promise<Page<IdentityConflict>> {
    return this.#documents.list(kinds.conflicts, page);
  }

  getConflictsForMachine(machineId: string, page?: PageRequest): Promise<Page<IdentityConflict>> {
    return this.#documents.listBy(
      kinds.conflicts,
      indexPrefix('conflicts_by_machine', machineId),
      page,
    );
  }

  deleteConflict(id: string, expected?: Expected): Promise<boolean> {
    return this.#documents.delete(kinds.conflicts, id, expected);
  }

  getTemplate(name: string): Promise<Versioned<Template> | undefined> {
    return this.#documents.get(kinds.templates, name);
  }

  putTemplate(template: Template, expected?: Expected): Promise<Revision> {
    return this.#documents.put(kinds.templates, template, expected);
  }

  listTemplates(page?: PageRequest): Promise<Page<Template>> {
    return this.#documents.list(kinds.templates, page);
  }

  deleteTemplate(name: string, expected?: Expected): Promise<boolean> {
    return this.#documents.delete(kinds.templates, name, expected);
  }

  getWorkflow(id: string): Promise<Versioned<Workflow> | undefined> {
    return this.#documents.get(kinds.workflows, id);
  }

  getWorkflowsForMachine(machineId: string, page?: PageRequest): Promise<Page<Workflow>> {
    return this.#documents.listBy(
      kinds.workflows,
      indexPrefix('workflows_by_machine', machineId),
      page,
    );
  }

  putWorkflow(workflow: Workflow, expected?: Expected): Promise<Revision> {
    return this.#documents.put(kinds.workflows, workflow, expected);
  }

  listWorkflows(page?: PageRequest): Promise<Page<Workflow>> {
    return this.#documents.list(kinds.workflows, page);
  }

  deleteWorkflow(id: string, expected?: Expected): Promise<boolean> {
    return this.#documents.delete(kinds.workflows, id, expected);
  }

  async getSetting(key: string): Promise<Versioned<string> | undefined> {
    const found = await this.#documents.get(kinds.settings, key);
    return found === undefined ? undefined : { value: found.value.value, revision: found.revision };
  }

  putSetting(key: string, value: string, expected?: Expected): Promise<Revision> {
    return this.#documents.put(kinds.settings, { key, value }, expected);
  }

  deleteSetting(key: string, expected?: Expected): Promise<boolean> {
    return this.#documents.delete(kinds.settings, key, expected);
  }

  listSettings(prefix: string, page?: PageRequest): Promise<Page<Setting>> {
    return this.#documents.list(kinds.settings, page, {
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

  async #getByClue(clue: Clue): Promise<Versioned<Machine> | undefined> {
    // One entry is enough, unless its machine is deleted between the two reads.
    const [sighting] = await this.findMachines([clue], 2);
    for (const id of sighting?.machineIds ?? []) {
      const machine = await this.getMachine(id);
      if (machine !== undefined) return machine;
    }
    return undefined;
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
      const old = await this.#documents.readOne(key);
      const before = old === undefined ? [] : versioned<MachineHistory>(old).value.changes;
      const changes = [...along.changes, ...before].slice(0, keptChanges);
      expectations.push({ key, revision: old?.revision ?? 0 });
      operations.push({ key, value: JSON.stringify({ machine_id: machineId, changes }) });
    }
    return { expectations, operations };
  }
}

function cluePrefix(clue: Clue): string {
  if ('identityHash' in clue) return indexPrefix('machines_by_identity', clue.identityHash);
  if ('primaryMac' in clue) return indexPrefix('machines_by_mac', kinds.macValue(clue.primaryMac));
  if ('mac' in clue) return indexPrefix('machines_by_any_mac', kinds.macValue(clue.mac));
  return indexPrefix('machines_by_smbios_uuid', clue.smbiosUuid.trim().toLowerCase());
}

function readChange(prefix: string, { key, removed }: KvChange): Omit<StoreChange, 'kind'> {
  return { id: partName(key.slice(prefix.length)), removed };
}
