// The store as a sender whose token is limited to tags sees it: machines beyond them are not there. What is changed is
// checked in the very record that the change is made of, so that no tag taken away meanwhile is too late.
import { isAppError } from '../../core/errors.ts';
import type { Machine } from '../../model/machine.ts';
import type { Store, Versioned } from '../../store/store.ts';
import { isInside, tagsOf } from '../access/inside.ts';
import type { Principal } from '../access/principal.ts';
import { wrapStore } from '../running/metrics/timed-store.ts';

/** The services with what the sender may know of. */
export function within<S extends { readonly store: Store }>(s: S, by: Principal): S {
  if (tagsOf(by) === undefined) return s;
  const { machines } = s.store;
  const store = wrapStore(s.store, (name, operation) =>
    name === 'machines.get' ? async (id) => insideOf(by, machines.get(String(id))) : operation,
  );
  return { ...s, store };
}

async function insideOf(
  by: Principal,
  asked: Promise<Versioned<Machine> | undefined>,
): Promise<Versioned<Machine> | undefined> {
  try {
    const found = await asked;
    return found !== undefined && isInside(by, found.value) ? found : undefined;
  } catch (err) {
    // Nobody can say which tags it has.
    if (isAppError(err, 'store.damaged')) return undefined;
    throw err;
  }
}
