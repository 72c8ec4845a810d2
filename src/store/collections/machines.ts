// The machines of a store: looked up by what they are recognised by, and written together with their
// history and with the conflicts that they arise from.
import { AppError } from '../../core/errors.ts';
import { stringifyExact } from '../../core/text/exact-json.ts';
import { recentChanges, type MachineChange } from '../../model/history.ts';
import type { Machine } from '../../model/machine.ts';
import { KvCollection } from './collection.ts';
import { asideKey, type Damage } from './damage.ts';
import { lastPart } from './keys.ts';
import type { Outgoing } from './outgoing.ts';
import { creation, readOne, type Extra } from './records.ts';
import { indexPrefix, kinds, macValue, recordKey, type Kinds, type ValuesOf } from './kinds.ts';
import type { Kv, KvEntry, KvExpectation, KvOperation } from '../kv/kv.ts';
import type { Along, Clue, Expected, Machines, Revision, Sighting, Versioned } from '../store.ts';

export class KvMachines
  extends KvCollection<Machine, ValuesOf<Kinds['machines']>>
  implements Machines
{
  readonly #outgoing: Outgoing;

  constructor(kv: Kv, damage: Damage, outgoing: Outgoing) {
    super(kv, kinds.machines, damage, outgoing);
    this.#outgoing = outgoing;
  }

  byIdentity(identityHash: string): Promise<Versioned<Machine> | undefined> {
    return this.#byClue({ identityHash });
  }

  byMac(mac: string): Promise<Versioned<Machine> | undefined> {
    return this.#byClue({ primaryMac: mac });
  }

  async find(clues: readonly Clue[], limit: number): Promise<readonly Sighting[]> {
    const found = await this.kv.read(clues.map((clue) => ({ prefix: cluePrefix(clue), limit })));
    return clues.map((clue, i) => sightingOf(clue, found[i] ?? []));
  }

  async isStill({ value, revision }: Versioned<Machine>, clue: Clue): Promise<boolean> {
    const prefix = cluePrefix(clue);
    const key = recordKey(kinds.machines, value.id);
    const [sighted = [], [entry] = []] = await this.kv.read([{ prefix, limit: 2 }, { key }]);
    const [only, ...others] = sighted;
    const isAlone = only?.key === prefix + lastPart(key) && others.length === 0;
    return isAlone && entry?.revision === Number(revision);
  }

  async history(id: string): Promise<readonly MachineChange[]> {
    const entry = await readOne(this.kv, recordKey(kinds.histories, id));
    if (entry === undefined) return [];
    const read = this.damage.read(kinds.histories, entry);
    if ('value' in read) return read.value.changes;
    throw new AppError('store.damaged', read.error, { details: { record: read.record } });
  }

  override put(machine: Machine, expected?: Expected, along: Along = {}): Promise<Revision> {
    const { replaces } = along;
    return this.write(machine, expected, {
      replaces,
      extra: () => this.#goesAlong(machine.id, along),
    });
  }

  override delete(id: string, expected?: Expected): Promise<boolean> {
    const history = { key: recordKey(kinds.histories, id), value: undefined };
    return this.remove(id, expected, { expectations: [], operations: [history] });
  }

  async #byClue(clue: Clue): Promise<Versioned<Machine> | undefined> {
    // One entry is enough, unless its machine is deleted between the two reads.
    const [sighting] = await this.find([clue], 2);
    for (const id of sighting?.machineIds ?? []) {
      const machine = await this.get(id);
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
    const { conflict, isQuiet = false } = along;
    if (conflict !== undefined) {
      operations.push(...creation(kinds.conflicts, conflict));
      operations.push(...this.#outgoing.of(kinds.conflicts, conflict.id, conflict, true));
    }
    if (along.changes !== undefined && along.changes.length > 0) {
      const key = recordKey(kinds.histories, machineId);
      const old = await readOne(this.kv, key);
      const read = old && this.damage.read(kinds.histories, old);
      const before = read !== undefined && 'value' in read ? read.value.changes : [];
      const changes = recentChanges([...along.changes, ...before]);
      expectations.push({ key, revision: old?.revision ?? 0 });
      operations.push({ key, value: stringifyExact({ machine_id: machineId, changes }) });
      // The machine goes on with a new history, and what could not be read is put aside.
      if (old !== undefined && read !== undefined && !('value' in read))
        operations.push({ key: asideKey(key), value: old.value });
    }
    return { expectations, operations, isQuiet };
  }
}

function sightingOf(clue: Clue, entries: readonly KvEntry[]): Sighting {
  // Nearly all clues of a new machine.
  if (entries.length === 0) return { clue, machineIds: [], newest: undefined };
  const newest = Math.max(...entries.map((e) => e.revision));
  return {
    clue,
    machineIds: entries.map((e) => lastPart(e.key)),
    newest: newest === 0 ? undefined : String(newest),
  };
}

function cluePrefix(clue: Clue): string {
  const { machines } = kinds;
  if ('identityHash' in clue) return indexPrefix(machines, 'identity', clue.identityHash);
  if ('primaryMac' in clue) return indexPrefix(machines, 'mac', macValue(clue.primaryMac));
  if ('mac' in clue) return indexPrefix(machines, 'any_mac', macValue(clue.mac));
  if ('disk' in clue) return indexPrefix(machines, 'disk', clue.disk);
  return indexPrefix(machines, 'smbios_uuid', clue.smbiosUuid.trim().toLowerCase());
}
