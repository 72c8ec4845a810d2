// The way back from a change of many machines: the changes that make them as they were. Pure.
import type { BulkChange } from '../../model/api/bulk.ts';
import type { MachineStateName } from '../../model/machine.ts';
import type { Row } from './rows/row.ts';

/** A change back, and the machines that it is for. */
export interface Reversal {
  readonly ids: readonly string[];
  readonly change: BulkChange;
}

/** A template that is assigned takes a machine out of Error for good. */
const keptStates: ReadonlySet<MachineStateName> = new Set(['Discovered', 'Ready', 'Provisioned']);
/** The states that a machine comes back to from Offline. */
const backStates: ReadonlySet<MachineStateName> = new Set(['Discovered', 'Ready']);

/** The changes that take one back, by the machines as they were before it. Without what cannot be taken back, and
 *  without machines that it did not change. */
export function reversalsOf(change: BulkChange, before: readonly Row[]): Reversal[] {
  const { add_tags = [], remove_tags = [], os_choice, offline } = change;
  const where = (holds: (row: Row) => boolean, back: BulkChange): Reversal => ({
    ids: before.filter(holds).map(({ id }) => id),
    change: back,
  });
  const removed = new Set(remove_tags);
  const reversals = [
    ...add_tags
      .filter((tag) => !removed.has(tag))
      .map((tag) => where(({ tags }) => !tags.includes(tag), { remove_tags: [tag] })),
    ...remove_tags.map((tag) => where(({ tags }) => tags.includes(tag), { add_tags: [tag] })),
    ...(os_choice === undefined ? [] : templatesBack(os_choice, before, where)),
  ];
  if (offline === true) {
    reversals.push(where(({ state }) => backStates.has(state), { offline: false }));
  }
  if (offline === false) {
    reversals.push(where(({ state }) => state === 'Offline', { offline: true }));
  }
  return reversals.filter(({ ids }) => ids.length > 0);
}

function templatesBack(
  assigned: string | null,
  before: readonly Row[],
  where: (holds: (row: Row) => boolean, back: BulkChange) => Reversal,
): Reversal[] {
  const templates = new Set(before.map(({ template }) => template));
  templates.delete(assigned);
  return [...templates].map((template) =>
    where((row) => row.template === template && keptStates.has(row.state), {
      os_choice: template,
    }),
  );
}
