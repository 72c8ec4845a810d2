import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { openDirectory } from '../../../src/store/lmdb/data-directory.ts';
import { temporaryDirectory } from '../backends.ts';

it('a backup that was killed while it read does not make the data file grow for ever', async () => {
  const directory = temporaryDirectory();
  const clock = new ManualClock(new Date());
  const kv = await openDirectory(directory, {}, clock);
  onTestFinished(() => kv.close());
  const value = 'x'.repeat(100_000);
  const write = async (times: number): Promise<number> => {
    for (let n = 0; n < times; n += 1) await kv.commit([], [{ key: 'settings/a', value }]);
    return statSync(join(directory, 'data.mdb')).size;
  };
  await write(10);
  const program = join(import.meta.dirname, 'hold-pages.ts');
  const reader = spawn(process.execPath, [program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(reader.stdout, 'data');
  const before = await write(50);
  reader.kill('SIGKILL');
  await once(reader, 'exit');
  await clock.advance(61_000);
  // The pages that were kept for the reader are enough for all of these.
  expect(await write(50)).toBe(before);
});

it('a snapshot is held for five minutes, and no reader keeps the file from being closed', async () => {
  const clock = new ManualClock(new Date());
  const kv = await openDirectory(temporaryDirectory(), {}, clock);
  const put = (value: string) =>
    kv.commit(
      [],
      ['a', 'b', 'c'].map((key) => ({ key: `settings/${key}`, value })),
    );
  await put('old');
  const scan = kv.scanAll?.(['settings/'], 1)[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => (await scan?.next())?.value?.[0]?.value;
  expect(await next()).toBe('old');
  await put('new');
  await clock.advance(299_000);
  expect(await next()).toBe('old');
  await clock.advance(2000);
  expect(await next()).toBe('new');
  await kv.close();
  await expect(scan?.next()).rejects.toMatchObject({ code: 'store.unavailable' });
});
