// Machines that an operator merged into another one: the id of such a machine leads to what became of it.
import { AppError } from '../../core/errors.ts';
import type { Machine } from '../../model/machine.ts';
import type { Versioned } from '../../store/store.ts';
import { isInside, refuseOutside } from '../access/inside.ts';
import type { Principal } from '../access/principal.ts';
import { loadMachine, type ReadServices } from './machines.ts';

/** The machine as far as the sender may know of it. Errors: AppError `machine.unknown`, with the id
 *  `merged_into` where it was merged into another one. */
export async function loadShown(
  s: ReadServices,
  by: Principal,
  id: string,
): Promise<Versioned<Machine>> {
  const found = await s.store.machines.get(id);
  if (found !== undefined) {
    refuseOutside(by, found.value);
    return found;
  }
  const target = await becameOf(s, id);
  if (target === undefined || !isInside(by, target)) return loadMachine(s, id);
  throw new AppError(
    'machine.unknown',
    `there is no machine ${id} any more: it was merged into ${target.id}`,
    { details: { machine_id: id, merged_into: target.id } },
  );
}

/** The machine that one which is gone was merged into, that one into another, and so on. */
async function becameOf(s: ReadServices, id: string): Promise<Machine | undefined> {
  const passed = new Set<string>();
  for (let next: string | undefined = id; next !== undefined && !passed.has(next);) {
    passed.add(next);
    const found = await s.store.machines.get(next);
    if (found !== undefined) return found.value;
    next = await mergedInto(s, next);
  }
  return undefined;
}

async function mergedInto({ store }: ReadServices, id: string): Promise<string | undefined> {
  for await (const { value } of store.conflicts.allBy('machine', id)) {
    const into = value.resolution?.into ?? undefined;
    if (value.machine_id === id && into !== undefined && into !== id) return into;
  }
  return undefined;
}
