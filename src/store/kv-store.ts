// The Store over any Kv: a collection for each kind of document, and one watch over all of them.
import { backupText } from './backup/backup.ts';
import { KvCollection } from './collections/collection.ts';
import { Outgoing } from './collections/outgoing.ts';
import { partName } from './collections/keys.ts';
import { anyKinds, kindNames, kinds } from './collections/kinds.ts';
import { Damage } from './collections/damage.ts';
import { markAgain } from './format.ts';
import type { Kv, KvChange } from './kv/kv.ts';
import { KvMachines } from './collections/machines.ts';
import { KvTokens } from './collections/tokens.ts';
import type { Collections, Store, StoreChange } from './store.ts';

/** A history changes only with its machine, nobody waits for the audit log, servers look for each other by themselves,
 *  and readers of a machine's log ask for more. */
const unwatched: ReadonlySet<string> = new Set([
  'histories',
  'audit',
  'presences',
  'leases',
  'logs',
]);
/** The kinds whose writes the outbox is asked about. */
const sentOut: ReadonlySet<string> = new Set(['workflows', 'templates', 'settings', 'conflicts']);
const watched = kindNames.filter((name): name is StoreChange['kind'] => !unwatched.has(name));

/** The store that a backend holds. Closing it closes the backend. */
export function storeOver(kv: Kv): Store {
  const damage = new Damage(kv);
  const outgoing = new Outgoing();
  return {
    ...collections(kv, damage, outgoing),
    damage,
    isExclusive: kv.isExclusive ?? false,
    machines: new KvMachines(kv, damage, outgoing),
    tokens: new KvTokens(kv, damage),
    watch: (listener, signal) => watch(kv, listener, signal),
    sendOut: (outbox, onLost) => {
      outgoing.outbox = outbox;
      outgoing.onLost = onLost;
    },
    backup: (options) => backupText(kv, damage, { ...options, atOnce: 50 }),
    watchAgeMs: () => kv.watchAgeMs?.() ?? 0,
    settled: async () => kv.settled?.(),
    close: () => kv.close(),
  };
}

function collections(kv: Kv, damage: Damage, outgoing: Outgoing): Collections {
  const made = kindNames.map((name) => {
    const goesOut = sentOut.has(name) ? outgoing : undefined;
    return [name, new KvCollection(kv, anyKinds[name], damage, goesOut)];
  });
  // Each has the documents of the kind that it is named after.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(made) as Collections;
}

async function watch(
  kv: Kv,
  listener: (change: StoreChange | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  const started = watched.map(async (name) => {
    const prefix = `${kinds[name].table}/`;
    const onChange = (change: KvChange | undefined): void => {
      if (change === undefined && name === 'machines') void markAgain(kv);
      listener(change && { kind: name, ...readChange(prefix, change) });
    };
    return kv.watch(prefix, onChange, signal);
  });
  await Promise.all(started);
}

function readChange(prefix: string, { key, removed }: KvChange): Omit<StoreChange, 'kind'> {
  return { id: partName(key.slice(prefix.length)), removed };
}
