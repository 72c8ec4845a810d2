import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { holdOneDisk } from '../../../src/actions/disk/held.ts';
import type { Disk } from '../../../src/model/hardware/disk.ts';
import { scratch } from '../images.ts';
import { diskAt, thisHost } from '../workplace.ts';

function openedAs(path: string): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((link) => link === path).length;
}

/** A file for a disk, and a choice among what the machine has, look by look; the last one stays. */
function choice(...looks: ((device: string) => readonly Disk[])[]) {
  const folder = scratch();
  onTestFinished(() => folder[Symbol.dispose]());
  const device = folder.path('sda');
  writeFileSync(device, Buffer.alloc(8192));
  let look = 0;
  const held = holdOneDisk({
    host: thisHost(),
    disks: async () => looks[Math.min(look++, looks.length - 1)]?.(device),
    planned: { device: '/dev/sdz', serial: 'S1', wwn: null, size_bytes: 8192, model: 'Loop' },
  });
  return { device, held };
}

const right = (device: string): Disk[] => [diskAt(device, { serial: 'S1', size_bytes: 8192 })];
const other = (device: string): Disk[] => [diskAt(device, { serial: 'S2', size_bytes: 8192 })];

it('is open from the first action that asks for it to the end', async () => {
  const { device, held } = choice(right);
  expect((await held.knownDisk())?.device).toBe(device);
  expect(openedAs(device)).toBe(0);
  await Promise.all([held.disk(), held.disk()]);
  expect(openedAs(device)).toBe(1);
  await held.close();
  expect(openedAs(device)).toBe(0);
});

it('is looked for once: what is plugged in later has another name', async () => {
  const { device, held } = choice(right, right, other);
  await held.disk();
  expect((await held.disk()).device).toBe(device);
  expect((await held.knownDisk())?.serial).toBe('S1');
  await held.close();
});

it.each([
  ['another one has its name', other, 'it is not here. Nothing was written'],
  [
    'it has another name',
    () => right('/dev/sdb'),
    'disks were plugged or unplugged while this workflow looked for',
  ],
])('is refused and let go of when %s by the time that it is held', async (_, then, message) => {
  const { device, held } = choice(right, then);
  await expect(held.disk()).rejects.toThrow(message);
  expect(openedAs(device)).toBe(0);
  await held.close();
});
