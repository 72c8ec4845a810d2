// A fleet of simulated machines with every mishap that the field knows: dongles that are passed round, default
// MACs, UUIDs that a vendor gave to many, swapped parts, new installations, clones. Nobody is taken for another
// machine, nobody is registered twice, and each answer says why.
import { describe, expect, it } from 'vitest';
import {
  serial,
  newMac,
  newUuid,
  newInstallation,
  type Truth,
  machine,
  Fleet,
  mishaps,
} from './truth.ts';

/** Numbers that look random, the same for the same seed. */
function drawing(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

/** Mishaps that leave something to know a machine of this kind by. */
const survivable: Readonly<Record<string, readonly string[]>> = {
  server: Object.keys(mishaps),
  // A dongle is all the network they have.
  laptop: [
    'a reboot',
    'a new installation',
    'no installation',
    'all disks swapped',
    'memory added',
  ],
  cheap: ['a reboot', 'a new installation', 'no installation', 'all disks swapped', 'a disk added'],
  vendor: Object.keys(mishaps).filter((name) => name !== 'the board swapped'),
  golden: ['a reboot', 'a port swapped', 'all disks swapped', 'a disk added', 'memory added'],
};

function fleetOf(): (readonly [kind: string, machine: Truth])[] {
  const [dongle, defaultMac, vendorUuid, golden] = [
    newMac(),
    newMac(),
    newUuid(),
    newInstallation(),
  ];
  const several = (kind: string, count: number, more: (n: number) => Partial<Truth>) =>
    Array.from({ length: count }, (_, n) => [kind, machine(`${kind} ${n}`, more(n))] as const);
  return [
    ...several('server', 12, () => ({})),
    ...several('laptop', 4, (n) => ({
      ports: [dongle],
      onBoard: 0,
      system: { vendor: 'Lenovo', product: n < 2 ? 'T14' : 'X1', serial: serial('tag') },
    })),
    // More than are looked at for one clue.
    ...several('cheap', 12, () => ({
      ports: [defaultMac],
      uuid: '03000200-0400-0500-0006-000700080009',
      system: { vendor: 'NoName', product: 'Board' },
    })),
    ...several('vendor', 5, (n) => ({
      uuid: vendorUuid,
      system: { vendor: 'Vendor', product: n < 3 ? 'Model X' : 'Model Y' },
    })),
    ...several('golden', 4, () => ({ installation: golden })),
  ];
}

describe('a fleet', () => {
  it.each([1, 2, 3])('with every mishap keeps its records one to one (seed %i)', async (seed) => {
    const fleet = await Fleet.open();
    const all = fleetOf();
    const draw = drawing(seed);
    const pick = <T>(from: readonly T[]): T => {
      const one = from[Math.floor(draw() * from.length)];
      if (one === undefined) throw new Error('nothing to pick from');
      return one;
    };
    for (const [, m] of all) await fleet.boot(m);
    for (let i = 0; i < 250; i += 1) {
      const [kind, m] = pick(all);
      const mishap = pick(survivable[kind] ?? []);
      mishaps[mishap]?.(m);
      await fleet.boot(m);
    }
    expect(await fleet.records()).toBe(all.length);
    expect(new Set(all.map(([, m]) => m.id)).size).toBe(all.length);
  });
});
