// The size of a machine's record: what check-ins and heartbeats bring is cut to it, and a problem says so.
// Pure. Records that were stored larger stay readable.
import { stringifyExact } from '../../../core/text/exact-json.ts';
import type { StoredDisk } from '../../../model/hardware/disk.ts';
import type { AgentReport, HardwareInfo, Machine } from '../../../model/machine.ts';
import type { Problem } from '../../../model/problem.ts';

/** Units: bytes of JSON. */
export const recordLimitBytes = 65_536;
/** The disks that are kept in full; those after them by serial and size alone. */
const fullDisks = 128;
const keptProblems = 64;
/** The room for the problem that says what was cut, and for what a server notes down later. */
const spareBytes = 2048;
/** The lists get at least this much, however large the rest of the record: a label or a name that another server
 *  stored may have any length, and nothing else gives way for it. */
const leastForLists = 16_384;
const cutCode = 'record.cut';

/** A list that gives way where a record is too large. */
interface Part {
  readonly what: string;
  /** At least this many stay while another list has more than its own least. */
  readonly least: number;
  readonly of: (machine: Machine) => readonly unknown[];
  /** The machine with only the first `count` items of the list. */
  readonly keep: (machine: Machine, count: number) => Machine;
}

const parts: readonly Part[] = [
  {
    what: 'contents of disks',
    least: 0,
    of: ({ hardware }) => hardware.disks.map(({ contents }) => contents ?? []),
    keep: (machine, count) =>
      withHardware(machine, { disks: machine.hardware.disks.map(withContents(count)) }),
  },
  {
    ...ofHardware('disks', 'disks', fullDisks),
    of: ({ hardware }) => hardware.disks.map(withContents(0)),
  },
  ofHardware('network interfaces', 'network_interfaces', 64),
  ofHardware('memory modules', 'dimms', 64),
  ofHardware('GPUs', 'gpus', 16),
  ofReport('problems', 'problems', 8),
  ofReport('problems of heartbeats', 'later_problems', 8),
  ofReport('name servers', 'nameservers', 4),
  ofReport('reasons', 'evidence', 4),
];

/** The machine with as much as its record holds. */
export function withinLimit(whole: Machine): Machine {
  const machine = withoutCuts(whole);
  const { hardware, report } = machine;
  const cuts = [
    ...(hardware.disks.length > fullDisks
      ? [`of ${hardware.disks.length} disks those after ${fullDisks} by serial and size alone`]
      : []),
    ...(report !== undefined && report.problems.length > keptProblems
      ? [`${keptProblems - 1} of ${report.problems.length} problems`]
      : []),
  ];
  const listed = cuts.length === 0 ? machine : withShortLists(machine);
  const { machine: small, cuts: more } = fitted(listed);
  return withCuts(small, [...cuts, ...more]);
}

function withShortLists(machine: Machine): Machine {
  const { report } = machine;
  const disks = machine.hardware.disks.map((disk, i) => (i < fullDisks ? disk : briefly(disk)));
  const short = withHardware(machine, { disks });
  if (report === undefined || report.problems.length <= keptProblems) return short;
  return withReport(short, { problems: report.problems.slice(0, keptProblems - 1) });
}

function briefly({ device, size_bytes, serial }: StoredDisk): StoredDisk {
  return { device, size_bytes, model: null, serial };
}

/** Takes from the largest list, by halves, until the record fits. */
function fitted(machine: Machine): { machine: Machine; cuts: string[] } {
  if (mostBytesOf(machine) + spareBytes <= recordLimitBytes) return { machine, cuts: [] };
  const whole = bytesOf(machine);
  if (whole + spareBytes <= recordLimitBytes) return { machine, cuts: [] };
  const lists = parts.map((part) => {
    const sizes = part.of(machine).map(bytesOf);
    return { part, sizes, count: sizes.length, bytes: sum(sizes) };
  });
  const inLists = sum(lists.map((list) => list.bytes));
  const room = Math.max(recordLimitBytes - spareBytes - (whole - inLists), leastForLists);
  let over = inLists - room;
  for (const isLastResort of [false, true]) {
    const least = (part: Part): number => (isLastResort ? 0 : part.least);
    while (over > 0) {
      const [largest] = lists
        .filter(({ part, count }) => count > least(part))
        .toSorted((a, b) => b.bytes - a.bytes);
      if (largest === undefined) break;
      const count = Math.max(least(largest.part), Math.floor(largest.count / 2));
      const bytes = sum(largest.sizes.slice(0, count));
      over -= largest.bytes - bytes;
      Object.assign(largest, { count, bytes });
    }
  }
  const cut = lists.filter(({ count, sizes }) => count < sizes.length);
  return {
    machine: cut.reduce((m, { part, count }) => part.keep(m, count), machine),
    cuts: cut.map(({ part, count, sizes }) => `${count} of ${sizes.length} ${part.what}`),
  };
}

/** Drops the problem that told of an earlier cut. */
function withoutCuts(machine: Machine): Machine {
  const problems = machine.report?.problems ?? [];
  if (problems.every(({ code }) => code !== cutCode)) return machine;
  return withReport(machine, { problems: problems.filter(({ code }) => code !== cutCode) });
}

function withCuts(machine: Machine, cuts: readonly string[]): Machine {
  if (cuts.length === 0 || machine.report === undefined) return machine;
  const problem: Problem = {
    code: cutCode,
    section: 'record',
    source: 'check-in',
    message: `more was told than a record holds (${recordLimitBytes / 1024} KB); kept: ${cuts.join(', ')}`,
  };
  return withReport(machine, { problems: [...machine.report.problems, problem] });
}

type ListOf<T> = {
  [K in keyof T]-?: NonNullable<T[K]> extends readonly unknown[] ? K : never;
}[keyof T];

function ofHardware(what: string, name: ListOf<HardwareInfo>, least: number): Part {
  return {
    what,
    least,
    of: ({ hardware }) => hardware[name] ?? [],
    keep: (machine, count) =>
      withHardware(machine, { [name]: machine.hardware[name]?.slice(0, count) }),
  };
}

function ofReport(what: string, name: ListOf<AgentReport>, least: number): Part {
  return {
    what,
    least,
    of: ({ report }) => report?.[name] ?? [],
    keep: (machine, count) =>
      withReport(machine, { [name]: machine.report?.[name]?.slice(0, count) }),
  };
}

/** Leaves out the contents of all but the first `count` disks, as if nobody had looked. */
function withContents(count: number): (disk: StoredDisk, index: number) => StoredDisk {
  return (disk, i) => {
    if (i < count) return disk;
    const { contents: _cut, ...rest } = disk;
    return rest;
  };
}

function withHardware(machine: Machine, more: Partial<HardwareInfo>): Machine {
  return { ...machine, hardware: { ...machine.hardware, ...more } };
}

function withReport(machine: Machine, more: Partial<AgentReport>): Machine {
  return machine.report === undefined
    ? machine
    : { ...machine, report: { ...machine.report, ...more } };
}

/** At least as much as `bytesOf`, for half of its time: a character has six bytes at the most, as `\u0000`, and a number
 *  24 characters. */
function mostBytesOf(value: unknown): number {
  if (typeof value === 'string') return 6 * value.length + 2;
  if (typeof value === 'bigint') return String(value).length;
  if (typeof value !== 'object' || value === null) return 24;
  let bytes = 2;
  if (Array.isArray(value)) {
    for (const item of value) bytes += mostBytesOf(item) + 1;
    return bytes;
  }
  const fields: Readonly<Record<string, unknown>> = Object(value);
  for (const name in fields) bytes += 6 * name.length + 4 + mostBytesOf(fields[name]);
  return bytes;
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(stringifyExact(value));
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all + size, 0);
}
