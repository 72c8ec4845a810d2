// Run on a small file system: fills a store until it refuses, and prints what became of its writes.
import { openStore } from '../../../src/store/open.ts';
import { machine, id } from '../documents.ts';

const store = await openStore(`lmdb:${process.argv[2] ?? ''}`);
const acknowledged: string[] = [];
const codes = new Set<string>();
for (let round = 0; round < 40; round += 1) {
  const puts = Array.from({ length: 25 }, async (_, i) => {
    const one = machine(round * 25 + i);
    one.metadata.labels = { note: 'x'.repeat(3000) };
    await store.machines.put(one, 'absent');
    return one.id;
  });
  for (const settled of await Promise.allSettled(puts)) {
    if (settled.status === 'fulfilled') acknowledged.push(settled.value);
    else codes.add(String(Object(settled.reason).code));
  }
}
const found = await Promise.all(acknowledged.map((one) => store.machines.get(one)));
const deleted = await store.machines.delete(id(0));
const afterwards = await store.settings.put({ key: 'it works', value: 'again' }).then(
  () => 'written',
  (err: unknown) => String(Object(err).code),
);
await store.close();
process.stdout.write(
  JSON.stringify({
    acknowledged: acknowledged.length,
    lost: found.filter((one) => one === undefined).length,
    codes: [...codes],
    deleted,
    afterwards,
  }),
);
