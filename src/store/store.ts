// The Store interface: the operations of storage-schema.md. Backends differ below it, in a Kv.
import type { IdentityConflict, MachineChange } from '../model/history.ts';
import type { Machine, MachineStateName } from '../model/machine.ts';
import type { Template } from '../model/template.ts';
import type { Workflow } from '../model/workflow.ts';

/** Opaque: two reads gave the same document exactly when their revisions are equal. */
export type Revision = string;

/** A stored document and the revision at which it was read. */
export interface Versioned<T> {
  readonly value: T;
  readonly revision: Revision;
}

/** What a put expects to find: this revision, no document, or (undefined) whatever is there. */
export type Expected = { readonly revision: Revision } | 'absent' | undefined;

/** Asks for the next `limit` documents after `cursor`. */
export interface PageRequest {
  /** 100 where it is absent; at most 1,000. */
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly Versioned<T>[];
  /** Where the next page starts; undefined after the last one. */
  readonly nextCursor: string | undefined;
}

/** Something that a machine can be recognised by. An SMBIOS UUID that is a placeholder, and a MAC that
 *  no NIC has, are found on no machine. */
export type Clue =
  | { readonly identityHash: string }
  | { readonly primaryMac: string }
  | { readonly mac: string }
  | { readonly smbiosUuid: string };

/** The machines that have a clue. */
export interface Sighting {
  readonly clue: Clue;
  readonly machineIds: readonly string[];
  /** The revision of the last of them to get the clue; undefined where there is none. */
  readonly newest: Revision | undefined;
}

/** What is written in the same commit as a machine, and on what condition. */
export interface Along {
  /** Changes to put in front of the machine's history. */
  readonly changes?: readonly MachineChange[];
  readonly conflict?: IdentityConflict;
  /** Nobody else may have got these clues since they were looked up, else `store.conflict`. */
  readonly unlessSeen?: readonly Sighting[];
}

/** Something was written or deleted, by this server or another one on the same store. */
export interface StoreChange {
  readonly kind: 'machine' | 'template' | 'workflow' | 'setting' | 'conflict';
  /** The machine's, workflow's or conflict's id, the template's name, the setting's key; undefined
   *  for a very long one. */
  readonly id: string | undefined;
  readonly removed: boolean;
}

/** Errors of all operations: AppError `store.conflict` when an expectation fails (nothing is
 *  written), `store.unavailable` and `store.full` when the backend cannot do it, `store.damaged`
 *  when what is stored is no document, `request.invalid` for a cursor that no page gave. */
export interface Store {
  getMachine(id: string): Promise<Versioned<Machine> | undefined>;
  getMachineByIdentity(identityHash: string): Promise<Versioned<Machine> | undefined>;
  /** By primary MAC, in any spelling. */
  getMachineByMac(mac: string): Promise<Versioned<Machine> | undefined>;
  /** For each clue the machines that have it, at most `limit` of them, all from one snapshot. */
  findMachines(clues: readonly Clue[], limit: number): Promise<readonly Sighting[]>;
  /** Writes the record, all its index entries and what goes with it in one commit. */
  putMachine(machine: Machine, expected?: Expected, along?: Along): Promise<Revision>;
  /** In UUIDv7 order, and so in the order of first registration. */
  listMachines(page?: PageRequest): Promise<Page<Machine>>;
  listMachinesByTag(tag: string, page?: PageRequest): Promise<Page<Machine>>;
  listMachinesByState(state: MachineStateName, page?: PageRequest): Promise<Page<Machine>>;
  /** Deletes it with its history. Whether there was one. */
  deleteMachine(id: string, expected?: Expected): Promise<boolean>;
  /** What the machine had changed when it returned: the last changes, newest first. */
  getMachineHistory(id: string): Promise<readonly MachineChange[]>;

  getConflict(id: string): Promise<Versioned<IdentityConflict> | undefined>;
  putConflict(conflict: IdentityConflict, expected?: Expected): Promise<Revision>;
  /** In the order in which they arose. */
  listConflicts(page?: PageRequest): Promise<Page<IdentityConflict>>;
  /** The conflicts that a machine arose from or is a candidate of. */
  getConflictsForMachine(machineId: string, page?: PageRequest): Promise<Page<IdentityConflict>>;
  deleteConflict(id: string, expected?: Expected): Promise<boolean>;

  getTemplate(name: string): Promise<Versioned<Template> | undefined>;
  putTemplate(template: Template, expected?: Expected): Promise<Revision>;
  listTemplates(page?: PageRequest): Promise<Page<Template>>;
  deleteTemplate(name: string, expected?: Expected): Promise<boolean>;

  getWorkflow(id: string): Promise<Versioned<Workflow> | undefined>;
  getWorkflowsForMachine(machineId: string, page?: PageRequest): Promise<Page<Workflow>>;
  putWorkflow(workflow: Workflow, expected?: Expected): Promise<Revision>;
  listWorkflows(page?: PageRequest): Promise<Page<Workflow>>;
  deleteWorkflow(id: string, expected?: Expected): Promise<boolean>;

  getSetting(key: string): Promise<Versioned<string> | undefined>;
  putSetting(key: string, value: string, expected?: Expected): Promise<Revision>;
  deleteSetting(key: string, expected?: Expected): Promise<boolean>;
  listSettings(prefix: string, page?: PageRequest): Promise<Page<{ key: string; value: string }>>;

  /** Calls `listener` after each change, from when this resolves until `signal` aborts. undefined:
   *  changes may have been missed, so everything has to be read again. */
  watch(listener: (change: StoreChange | undefined) => void, signal: AbortSignal): Promise<void>;

  /** Resolves when everything acknowledged is durable and the backend is released. */
  close(): Promise<void>;
}
