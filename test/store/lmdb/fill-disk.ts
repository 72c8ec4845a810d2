// Run on a small file system: fills a store until it refuses, and prints what became of its writes.
import { appendFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../../src/store/open.ts';
import { machine } from '../documents.ts';

const store = await openStore(`lmdb:${process.argv[2] ?? ''}`);
const ballast = join(process.argv[2] ?? '', 'ballast');
const early = Array.from({ length: 20 }, (_, i) => machine(5000 + i));
for (const one of early) await store.machines.put(one, 'absent');
// Something else fills the disk to its last page.
try {
  for (;;) appendFileSync(ballast, Buffer.alloc(16_384));
} catch {
  // It is full.
}
let removed = 0;
for (const one of early)
  removed += (await store.machines.delete(one.id).catch(() => false)) ? 1 : 0;
truncateSync(ballast, statSync(ballast).size - 2 * 1024 * 1024);
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
let deleted = 0;
for (const one of acknowledged) deleted += (await store.machines.delete(one)) ? 1 : 0;
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
    removed,
    deleted,
    afterwards,
  }),
);
