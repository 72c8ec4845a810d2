import { createReadStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { SharedFiles } from '../../../../src/server/http/boot/shared-files.ts';

const file = new Uint8Array(3 * 1024 * 1024 + 5).map((_, i) => i % 251);

/** Files that are all the same, with the paths that were read. */
function files(mostBytes?: number) {
  const read: string[] = [];
  const shared = new SharedFiles(async (path) => {
    read.push(path);
    return file;
  }, mostBytes);
  return { read, shared };
}

it('answers that are sent at once share one copy, which goes with the last of them', async () => {
  const { read, shared } = files();
  const both = await Promise.all([
    shared.stream('kernel', 'a', file.length),
    shared.stream('kernel', 'a', file.length),
  ]);
  expect([read, shared.bytes]).toEqual([['kernel'], file.length]);
  const [first, second] = both;
  expect(Buffer.concat((await first?.toArray()) ?? []).equals(file)).toBe(true);
  await setImmediate();
  expect(shared.bytes).toBe(file.length);
  second?.destroy();
  await setImmediate();
  expect(shared.bytes).toBe(0);
  await shared.stream('kernel', 'a', file.length);
  expect(read).toHaveLength(2);
});

it('a file that changed is read anew, beside the one that is being sent', async () => {
  const { read, shared } = files();
  await shared.stream('kernel', 'a', file.length);
  await shared.stream('kernel', 'b', file.length);
  expect([read.length, shared.bytes]).toEqual([2, 2 * file.length]);
});

it('holds no more than its limit', async () => {
  const { shared } = files(file.length + 1);
  const first = await shared.stream('kernel', 'a', file.length);
  expect(await shared.stream('initramfs', 'a', file.length)).toBeUndefined();
  expect(await shared.stream('kernel', 'a', file.length)).toBeDefined();
  expect([first?.readable, shared.bytes]).toEqual([true, file.length]);
});

it('holds nothing of a file that cannot be read, or has another size by now', async () => {
  const { shared } = files();
  expect(await shared.stream('kernel', 'a', 7)).toBeUndefined();
  const gone = new SharedFiles(() => Promise.reject(new Error('gone')));
  expect(await gone.stream('kernel', 'a', 7)).toBeUndefined();
  expect([shared.bytes, gone.bytes]).toEqual([0, 0]);
});

it("takes the place of an answer's own stream, whose failure ends no server", async () => {
  const { shared } = files();
  const gone = () => createReadStream('/nonexistent/kernel');
  const first = gone();
  const sent = await shared.insteadOf(first, 'kernel', 'a', file.length);
  expect(Buffer.concat(await sent.toArray()).equals(file)).toBe(true);
  await expect.poll(() => first.closed).toBe(true);
  const own = gone();
  expect(await shared.insteadOf(own, 'kernel', 'a', 7)).toBe(own);
  await expect.poll(() => own.closed).toBe(true);
  await expect(finished(own)).rejects.toMatchObject({ code: 'ENOENT' });
});
