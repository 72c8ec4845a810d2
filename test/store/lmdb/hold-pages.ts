// Reads a data directory that a server has open, and stays in the middle of it until it is killed.
import { openKv } from '../../../src/store/open.ts';

const kv = await openKv(`lmdb:${process.argv[2] ?? ''}`, { readOnly: true });
for await (const _ of kv.scan('settings/')) {
  process.stdout.write('reading\n');
  await new Promise((resolve) => {
    setInterval(resolve, 2 ** 30);
  });
}
