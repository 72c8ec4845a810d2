// Any sequence of operations gives the answers of a plain model, and leaves exactly its indexes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '../../src/core/errors.ts';
import { normalizeMac } from '../../src/identity/macs.ts';
import type { Machine } from '../../src/model/machine.ts';
import { keyPart } from '../../src/store/collections/keys.ts';
import type { Store } from '../../src/store/store.ts';
import { backends, openedWithKv, skipIfMissing, tables } from './backends.ts';
import { id, machine, template, workflow } from './documents.ts';

/** The store as maps: no indexes, every question answered by looking at everything. */
class Model {
  readonly machines = new Map<string, Machine>();
  readonly templates = new Set<string>();
  readonly workflows = new Map<string, string>();
  readonly settings = new Map<string, string>();

  machinesWhere(holds: (m: Machine) => boolean): Machine[] {
    return [...this.machines.values()].filter(holds).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  keys(): string[] {
    const machineKeys = [...this.machines.values()].flatMap((m) => [
      `machines/${m.id}`,
      ...entries('machines_by_identity', [m.identity.identity_hash], m.id),
      ...entries('machines_by_mac', [mac(m.identity.primary_mac)], m.id),
      ...entries('machines_by_any_mac', macsOf(m), m.id),
      ...entries('machines_by_smbios_uuid', uuidsOf(m), m.id),
      ...entries('machines_by_tag', m.config.tags, m.id),
      ...entries('machines_by_state', [stateOf(m)], m.id),
    ]);
    const others = [
      ...[...this.templates].map((name) => `templates/${keyPart(name)}`),
      ...[...this.workflows].flatMap(([name, owner]) => [
        `workflows/${name}`,
        ...entries('workflows_by_machine', [owner], name),
      ]),
      ...[...this.settings.keys()].map((key) => `settings/${keyPart(key)}`),
    ];
    return [...machineKeys, ...others].toSorted();
  }
}

function entries(index: string, values: readonly string[], name: string): string[] {
  return [...new Set(values)].map((value) => `${index}/${keyPart(value)}/${name}`);
}

function mac(text: string): string {
  return normalizeMac(text) ?? text;
}

function macsOf(m: Machine): string[] {
  return [m.identity.primary_mac, ...m.identity.all_macs]
    .map(mac)
    .filter((text) => text !== 'ff:ff:ff:ff:ff:ff');
}

function uuidsOf(m: Machine): string[] {
  const uuid = m.identity.smbios_uuid?.toLowerCase();
  return uuid === undefined || uuid.startsWith('0000') ? [] : [uuid];
}

function stateOf(m: Machine): string {
  return typeof m.status.state === 'string' ? m.status.state : 'Error';
}

const ids = fc.integer({ min: 0, max: 5 }).map(id);
const macs = fc.constantFrom(
  '02:00:00:00:00:01',
  '02-00-00-00-00-02',
  '020000000003',
  'ff:ff:ff:ff:ff:ff',
  'x/y',
);
const uuids = fc.constantFrom(
  null,
  '4c4c4544-0051-3510-8052-b4c04f4a3132',
  '00000000-0000-0000-0000-000000000000',
);
const hashes = fc.constantFrom('h1', 'h2', 'h3');
const names = fc.constantFrom('a', 'A', 'a/', 'a\0', 'ä', 'x'.repeat(2000));
const states = fc.constantFrom('Ready', 'Discovered', { Error: { message: 'm' } }, 'Offline');
const machines = fc
  .record({
    n: fc.integer({ min: 0, max: 5 }),
    primary: macs,
    all: fc.array(macs),
    uuid: uuids,
    hash: hashes,
    tags: fc.array(names),
    state: states,
  })
  .map((drawn): Machine => {
    const made = machine(drawn.n, {
      primary_mac: drawn.primary,
      all_macs: drawn.all,
      smbios_uuid: drawn.uuid,
      identity_hash: drawn.hash,
    });
    made.config.tags = drawn.tags;
    // The constants above are states; the literal types got lost on the way.
    made.status.state = drawn.state as Machine['status']['state'];
    return made;
  });

/** One operation on the store and on the model, which must answer the same. */
interface Step {
  readonly store: (store: Store) => Promise<unknown>;
  readonly model: (model: Model) => unknown;
}

function step<T>(
  drawn: fc.Arbitrary<T>,
  store: (store: Store, value: T) => Promise<unknown>,
  model: (model: Model, value: T) => unknown,
): fc.Arbitrary<Step> {
  return drawn.map((value) => ({
    store: (s) => store(s, value),
    model: (m) => model(m, value),
  }));
}

/** The outcome of a conditional put, in a word. */
async function outcome(put: Promise<unknown>): Promise<string> {
  return put.then(
    () => 'done',
    (err: unknown) => (isAppError(err) ? err.code : 'bug'),
  );
}

/** Puts a machine in the place of the one that is there, which is not read again. */
async function replace(store: Store, made: Machine): Promise<string> {
  const found = await store.machines.get(made.id);
  if (found === undefined) return outcome(store.machines.put(made, 'absent'));
  return outcome(store.machines.put(made, found, { replaces: found.value }));
}

const steps: fc.Arbitrary<Step>[] = [
  step(machines, replace, (model, m) => {
    model.machines.set(m.id, m);
    return 'done';
  }),
  step(
    machines,
    async (store, m) => outcome(store.machines.put(m)),
    (model, m) => {
      model.machines.set(m.id, m);
      return 'done';
    },
  ),
  step(
    machines,
    async (store, m) => outcome(store.machines.put(m, 'absent')),
    (model, m) => {
      if (model.machines.has(m.id)) return 'store.conflict';
      model.machines.set(m.id, m);
      return 'done';
    },
  ),
  step(
    machines,
    async (store, m) => {
      const revision = (await store.machines.get(m.id))?.revision;
      return outcome(store.machines.put(m, { revision: revision ?? '0' }));
    },
    (model, m) => {
      if (!model.machines.has(m.id)) return 'store.conflict';
      model.machines.set(m.id, m);
      return 'done';
    },
  ),
  step(
    ids,
    async (store, one) => store.machines.delete(one),
    (model, one) => model.machines.delete(one),
  ),
  step(
    names,
    async (store, name) => outcome(store.templates.put(template(name))),
    (model, name) => {
      model.templates.add(name);
      return 'done';
    },
  ),
  step(
    names,
    async (store, name) => store.templates.delete(name),
    (model, name) => model.templates.delete(name),
  ),
  step(
    fc.tuple(fc.nat(3), ids),
    async (store, [n, owner]) => outcome(store.workflows.put(workflow(n, owner))),
    (model, [n, owner]) => {
      model.workflows.set(id(n), owner);
      return 'done';
    },
  ),
  step(
    fc.nat(3),
    async (store, n) => store.workflows.delete(id(n)),
    (model, n) => model.workflows.delete(id(n)),
  ),
  step(
    fc.tuple(names, fc.string()),
    async (store, [key, value]) => outcome(store.settings.put({ key, value })),
    (model, [key, value]) => {
      model.settings.set(key, value);
      return 'done';
    },
  ),
  step(
    names,
    async (store, key) => store.settings.delete(key),
    (model, key) => model.settings.delete(key),
  ),
];

async function compareAnswers(store: Store, model: Model): Promise<void> {
  const values = (page: { items: readonly { value: unknown }[] }) => page.items.map((i) => i.value);
  expect(values(await store.machines.list())).toEqual(model.machinesWhere(() => true));
  for (let n = 0; n <= 5; n += 1) {
    expect((await store.machines.get(id(n)))?.value).toEqual(model.machines.get(id(n)));
    const owned = [...model.workflows].filter(([, owner]) => owner === id(n)).map(([name]) => name);
    const workflows = await store.workflows.listBy('machine', id(n));
    expect(workflows.items.map((w) => w.value.metadata.name)).toEqual(owned.toSorted());
  }
  for (const hash of ['h1', 'h2', 'h3']) {
    const [first] = model.machinesWhere((m) => m.identity.identity_hash === hash);
    expect((await store.machines.byIdentity(hash))?.value).toEqual(first);
  }
  for (const one of ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03', 'x/y']) {
    const [first] = model.machinesWhere((m) => mac(m.identity.primary_mac) === one);
    expect((await store.machines.byMac(one))?.value).toEqual(first);
    const [found] = await store.machines.find([{ mac: one }], 10);
    const having = model.machinesWhere((m) => macsOf(m).includes(one));
    expect(found?.machineIds).toEqual(having.map((m) => m.id));
  }
  for (const tag of ['a', 'A', 'a/', 'a\0', 'ä', 'x'.repeat(2000)]) {
    const tagged = model.machinesWhere((m) => m.config.tags.includes(tag));
    expect(values(await store.machines.listBy('tag', tag))).toEqual(tagged);
    expect((await store.settings.get(tag))?.value.value).toBe(model.settings.get(tag));
    expect((await store.templates.get(tag))?.value.metadata.name).toBe(
      model.templates.has(tag) ? tag : undefined,
    );
  }
  for (const state of ['Ready', 'Discovered', 'Error', 'Offline'] as const) {
    const such = model.machinesWhere((m) => stateOf(m) === state);
    expect(values(await store.machines.listBy('state', state))).toEqual(such);
  }
}

describe.each(backends)('a store on $name', (backend) => {
  const { url, runs } = backend;
  skipIfMissing(backend);

  it('answers like the model and has its indexes', async () => {
    const { store, kv } = await openedWithKv(await url());
    const sequences = fc.array(fc.oneof(...steps), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(sequences, async (sequence) => {
        await empty(store);
        const model = new Model();
        for (const { store: onStore, model: onModel } of sequence) {
          expect(await onStore(store)).toEqual(onModel(model));
        }
        await compareAnswers(store, model);
        expect(await tables(kv)).toEqual(model.keys());
      }),
      { numRuns: runs },
    );
  });
});

async function empty(store: Store): Promise<void> {
  for (const { value } of (await store.machines.list()).items)
    await store.machines.delete(value.id);
  for (const { value } of (await store.templates.list()).items) {
    await store.templates.delete(value.metadata.name);
  }
  for (const { value } of (await store.workflows.list()).items) {
    await store.workflows.delete(value.metadata.name);
  }
  for (const { value } of (await store.settings.list()).items)
    await store.settings.delete(value.key);
}
