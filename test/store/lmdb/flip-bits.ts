// Flips bits in a store's data file, one place at a time, and uses each: a process of its own, which LMDB may end.
// Arguments: a directory with a closed store, its number of machines, the number of flips, a seed.
// Prints what became of each as JSON; the last line that it printed says where it ended.
import { readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isAppError } from '../../../src/core/errors.ts';
import type { Machine } from '../../../src/model/machine.ts';
import { openStore } from '../../../src/store/open.ts';
import type { Store } from '../../../src/store/store.ts';

const [directory = '', machinesText, flipsText, seedText] = process.argv.slice(2);
const machines = Number(machinesText);
const path = join(directory, 'data.mdb');
const whole = readFileSync(path);
const pageBytes = whole.readUInt32LE(48);
let state = Number(seedText);

/** A number from 0 to n - 1. */
function random(n: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
}

/** Where the pages of the two newest trees begin. */
const pages: number[] = [];
const newest = whole.readBigUInt64LE(152) < whole.readBigUInt64LE(pageBytes + 152) ? pageBytes : 0;
for (const tree of [48, 96]) collect(whole.readBigUInt64LE(newest + tree + 40));

function collect(number: bigint): void {
  const at = Number(number) * pageBytes;
  if (at >= whole.length) return;
  pages.push(at);
  if (whole.readUInt16LE(at + 18) !== 1) return;
  for (let n = 0; n < whole.readUInt16LE(at + 20) / 2; n += 1) {
    collect(BigInt(whole.readUIntLE(at + 24 + whole.readUInt16LE(at + 24 + 2 * n), 6)));
  }
}

/** Where a flip of this kind goes: an offset in the file. */
const kinds: Record<string, () => number | undefined> = {
  'key length': () => nodeField(6, 2),
  'value length': () => nodeField(0, 4),
  'node flags': () => nodeField(4, 2),
  'page header': () => page() + random(24),
  'page flags': () => page() + 18 + random(2),
  pointer: () => page() + 24 + random(16),
  'meta page': () => random(2) * pageBytes + random(168),
  anywhere: () => random(whole.length),
};

function page(): number {
  return pages[random(pages.length)] ?? 0;
}

function nodeField(offset: number, bytes: number): number | undefined {
  const at = page();
  const count = whole.readUInt16LE(at + 20) / 2;
  if (count === 0) return undefined;
  const node = at + 24 + whole.readUInt16LE(at + 24 + 2 * random(count));
  return node + offset + random(bytes);
}

/** In a word, what opening, reading and writing comes to. */
async function use(): Promise<string> {
  try {
    const store = await openStore(`lmdb:${directory}`);
    try {
      const { items, damaged } = await store.machines.list({ limit: 1000 });
      const isRight = await areRight(
        store,
        items.map(({ value }) => value),
        damaged.length,
      );
      const first = items[0]?.value;
      if (first !== undefined) {
        for (let n = 0; n < 20; n += 1) {
          const tags = [`t${n}`];
          const labels = { note: 'y'.repeat(n * 700) };
          const { config, metadata } = first;
          await store.machines.put({
            ...first,
            config: { ...config, tags },
            metadata: { ...metadata, labels },
          });
        }
        await store.machines.delete(first.id);
      }
      for await (const _ of store.damage.find()) continue;
      if (!isRight) return 'wrong';
      return damaged.length > 0 ? 'served but for what is named' : 'served';
    } finally {
      await store.close();
    }
  } catch (err) {
    return isAppError(err) ? err.code : `bug: ${String(err)}`;
  }
}

/** True if each machine is as it was written and found by its MAC, or is named as damaged. */
async function areRight(
  store: Store,
  found: readonly Machine[],
  damaged: number,
): Promise<boolean> {
  if (found.length + damaged !== machines) return false;
  for (const one of found) {
    if (!originals.has(JSON.stringify(one))) return false;
    const byMac = await store.machines.byMac(one.identity.primary_mac);
    if (byMac?.value.id !== one.id) return false;
  }
  return true;
}

const originals = new Set<string>();
const intact = await openStore(`lmdb:${directory}`);
for await (const { value } of intact.machines.all()) originals.add(JSON.stringify(value));
await intact.close();
const names = Object.keys(kinds);
for (let n = 0; n < Number(flipsText); n += 1) {
  const kind = names[n % names.length] ?? '';
  const at = kinds[kind]?.() ?? random(whole.length);
  const bit = random(8);
  const flipped = Buffer.from(whole);
  flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
  writeFileSync(path, flipped);
  rmSync(join(directory, 'lock.mdb'), { force: true });
  writeSync(1, `${JSON.stringify({ kind, at, bit, page: Math.floor(at / pageBytes) })}\n`);
  writeSync(1, `${JSON.stringify(await use())}\n`);
}
