// Every set of up to three disks of a zoo, found in every order at the plan and in every order at the install: the
// agent writes the disk that was planned, or one of the two refuses.
import { expect, it } from 'vitest';
import { findPlanned } from '../../../../src/actions/disk/target.ts';
import type { DiskContents } from '../../../../src/model/hardware/contents.ts';
import type { Disk } from '../../../../src/model/hardware/disk.ts';
import type { PlannedDisk } from '../../../../src/model/documents/planned-disk.ts';
import { planWorkflow } from '../../../../src/server/rules/plan/plan.ts';
import { isAppError } from '../../../../src/core/errors.ts';
import { emptyReport, newMachine } from '../machine.ts';

const GiB = 2 ** 30;

interface Animal extends Partial<Omit<Disk, 'contents' | 'paths'>> {
  /** The contents, by type and group. */
  readonly holds?: Omit<DiskContents, 'device'>;
  /** Another path to the disk of this name. */
  readonly pathTo?: string;
  /** Never written unless it is named. */
  readonly isTaboo: boolean;
}

const ssd = { model: 'MZ7L3480', size_bytes: 480 * GiB };
const namespace = { model: 'PM1733', size_bytes: 240 * GiB, serial: 'NVME-1' };

const zoo: Readonly<Record<string, Animal>> = {
  blank: { ...ssd, serial: 'S-1', isTaboo: false },
  equal: { ...ssd, serial: 'S-2', isTaboo: false },
  nameless: { ...ssd, size_bytes: 300 * GiB, isTaboo: false },
  'equal nameless': { ...ssd, size_bytes: 300 * GiB, isTaboo: false },
  'namespace 1': { ...namespace, wwn: 'eui.01', isTaboo: false },
  'namespace 2': { ...namespace, wwn: 'eui.02', isTaboo: false },
  'path A': { ...ssd, serial: 'M-1', wwn: '0x5001', pathTo: 'path B', isTaboo: false },
  'path B': { ...ssd, serial: 'M-1', wwn: '0x5001', pathTo: 'path A', isTaboo: false },
  used: { ...ssd, serial: 'S-3', holds: { type: 'ext4' }, isTaboo: true },
  unknown: { ...ssd, serial: 'S-4', holds: { type: 'data' }, isTaboo: true },
  'md member': {
    ...ssd,
    serial: 'S-5',
    holds: { type: 'linux_raid_member', group: 'md-1', members: 2 },
    isTaboo: true,
  },
  'LVM member': {
    ...ssd,
    serial: 'S-6',
    holds: { type: 'LVM2_member', group: 'vg-1' },
    isTaboo: true,
  },
  'Ceph OSD': { ...ssd, serial: 'S-7', holds: { type: 'ceph_bluestore' }, isTaboo: true },
  'USB stick': { size_bytes: 64 * GiB, transport: 'usb', removable: true, isTaboo: true },
  'USB disk': { size_bytes: 128 * GiB, serial: 'U-1', transport: 'usb', isTaboo: true },
  CD: { size_bytes: 4 * GiB, virtual_media: true, removable: true, isTaboo: true },
  'read-only': { ...ssd, serial: 'S-8', read_only: true, isTaboo: true },
  'card reader': { size_bytes: 0, removable: true, isTaboo: true },
};
const names = Object.keys(zoo);

/** The disks as an agent tells them that finds them in this order. */
function found(order: readonly string[]): Disk[] {
  const deviceOf = (name: string): string =>
    `/dev/sd${String.fromCodePoint(97 + order.indexOf(name))}`;
  return order.map((name) => {
    const { holds, pathTo, isTaboo: _, ...told } = zoo[name] ?? { isTaboo: true };
    const device = deviceOf(name);
    return {
      size_bytes: 0,
      model: null,
      serial: null,
      wwn: null,
      type: null,
      transport: 'sata',
      removable: false,
      read_only: false,
      virtual_media: false,
      ...told,
      device,
      paths: pathTo !== undefined && order.includes(pathTo) ? [deviceOf(pathTo)] : [],
      contents: holds === undefined ? [] : [{ device, ...holds }],
    };
  });
}

/** The planned disk; undefined for a refusal. */
function planned(
  disks: readonly Disk[],
  root_device?: { serial: string },
): PlannedDisk | undefined {
  const fresh = newMachine();
  const machine = {
    ...fresh,
    hardware: { ...fresh.hardware, disks: [...disks] },
    report: { ...emptyReport, at: fresh.metadata.created_at },
  };
  const hints = root_device === undefined ? {} : { root_device };
  const write = {
    action: 'image2disk' as const,
    url: 'https://x/a.raw',
    checksum: 'ab'.repeat(32),
  };
  const actions = [{ ...write, ...hints }];
  const options = { reimage: false, confirmed: false, confirmation: 'none' as const };
  try {
    const { disk } = planWorkflow(machine, { ...template, spec: { actions } }, options);
    return disk ?? undefined;
  } catch (err) {
    if (isAppError(err)) return undefined;
    throw err;
  }
}

const template = {
  apiVersion: 'dragonfly.computer/v1' as const,
  kind: 'Template' as const,
  metadata: { name: 't' },
};

/** The name of the disk that the agent writes; undefined for a refusal. */
function written(
  plan: PlannedDisk,
  { order, disks }: { readonly order: readonly string[]; readonly disks: readonly Disk[] },
  bootId: string,
) {
  try {
    return order[disks.indexOf(findPlanned(plan, disks, bootId))];
  } catch (err) {
    if (isAppError(err)) return undefined;
    throw err;
  }
}

function* setsOf(size: number, from = 0): Generator<string[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let i = from; i < names.length; i += 1) {
    const name = names[i] ?? '';
    for (const rest of setsOf(size - 1, i + 1)) yield [name, ...rest];
  }
}

function* ordersOf(set: readonly string[]): Generator<string[]> {
  if (set.length === 0) {
    yield [];
    return;
  }
  for (const name of set) {
    for (const rest of ordersOf(set.filter((one) => one !== name))) yield [name, ...rest];
  }
}

/** One name for a disk and all its paths. */
function same(name: string | undefined): string | undefined {
  return name === 'path B' ? 'path A' : name;
}

it('the disk that was planned is the one that is written, or none is', () => {
  const seen = { sets: 0, installs: 0, plansRefused: 0, installsRefused: 0 };
  for (const size of [1, 2, 3]) {
    for (const set of setsOf(size)) {
      seen.sets += 1;
      const orders = [...ordersOf(set)].map((order) => ({ order, disks: found(order) }));
      const choices = new Set<string | undefined>();
      for (const { order, disks } of orders) {
        const plan = planned(disks);
        if (plan === undefined) seen.plansRefused += 1;
        const choice = order.find((_, i) => disks[i]?.device === plan?.device);
        choices.add(same(choice));
        if (plan === undefined || choice === undefined) continue;
        if (zoo[choice]?.isTaboo !== false)
          throw new Error(`of ${order.join(', ')} it plans ${choice}`);
        for (const later of orders) {
          seen.installs += 1;
          const target = written(plan, later, later.order === order ? 'a' : 'b');
          const isRefused = target === undefined && choice.includes('nameless');
          if (isRefused) seen.installsRefused += 1;
          else if (same(target) !== same(choice))
            throw mistaken(order, choice, later.order, target);
        }
      }
      // Nothing but the names of one boot tells two such disks apart.
      const isSure = !(set.includes('nameless') && set.includes('equal nameless'));
      if (isSure && choices.size !== 1) {
        throw new Error(`of ${set.join(', ')} it plans ${[...choices].join(' or ')}`);
      }
    }
  }
  expect(seen).toEqual({ sets: 987, installs: 19_296, plansRefused: 1880, installsRefused: 4846 });
});

it('a disk that is named by its serial is the one that is planned, or none is', () => {
  const seen = { plans: 0, refused: 0 };
  for (const set of setsOf(2)) {
    for (const { serial } of set.flatMap((name) => zoo[name] ?? [])) {
      if (serial === undefined || serial === null) continue;
      const choices = [...ordersOf(set)].map((order) => {
        const disks = found(order);
        const plan = planned(disks, { serial });
        return order.find((_, i) => disks[i]?.device === plan?.device);
      });
      const named = choices.map((choice) => same(choice));
      const wanted = named.map((name) => (name === undefined ? serial : zoo[name]?.serial));
      expect([set, new Set(wanted)]).toEqual([set, new Set([serial])]);
      expect([set, new Set(named).size]).toEqual([set, 1]);
      seen.plans += choices.length;
      seen.refused += choices.filter((choice) => choice === undefined).length;
    }
  }
  expect(seen.plans).toBeGreaterThan(300);
  // Two namespaces, and what is read-only.
  expect(seen.refused).toBeGreaterThan(30);
  expect(seen.refused).toBeLessThan(50);
});

function mistaken(order: readonly string[], choice: string, later: readonly string[], to = 'none') {
  return new Error(
    `planned ${choice} of ${order.join(', ')}; found as ${later.join(', ')}, ${to} is written`,
  );
}
