// The Store interface: the operations of storage-schema.md. Backends differ below it, in a Kv.
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
  readonly limit?: number;
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly Versioned<T>[];
  /** Where the next page starts; undefined after the last one. */
  readonly nextCursor: string | undefined;
}

/** Errors of all operations: AppError `store.conflict` when an expectation fails (nothing is
 *  written), `store.unavailable` and `store.full` when the backend cannot do it. */
export interface Store {
  getMachine(id: string): Promise<Versioned<Machine> | undefined>;
  getMachineByIdentity(identityHash: string): Promise<Versioned<Machine> | undefined>;
  /** By primary MAC, in any spelling. */
  getMachineByMac(mac: string): Promise<Versioned<Machine> | undefined>;
  /** The ids of the machines that have this MAC among all_macs. */
  machineIdsWithMac(mac: string, limit: number): Promise<readonly string[]>;
  /** The ids of the machines that have this SMBIOS UUID. */
  machineIdsWithSmbiosUuid(uuid: string, limit: number): Promise<readonly string[]>;
  /** Writes the record and all its index entries in one commit. */
  putMachine(machine: Machine, expected?: Expected): Promise<Revision>;
  /** In UUIDv7 order, and so in the order of first registration. */
  listMachines(page?: PageRequest): Promise<Page<Machine>>;
  listMachinesByTag(tag: string, page?: PageRequest): Promise<Page<Machine>>;
  listMachinesByState(state: MachineStateName, page?: PageRequest): Promise<Page<Machine>>;
  /** Whether there was one. */
  deleteMachine(id: string, expected?: Expected): Promise<boolean>;

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

  /** Resolves when everything acknowledged is durable and the backend is released. */
  close(): Promise<void>;
}
