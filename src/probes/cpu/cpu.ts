// CPUs: model, online hardware threads, physical cores, sockets, extension for virtual machines.
import type { Cpu } from '../../model/hardware/cpu.ts';
import { parseCpuList, parseCpuMask } from './cpu-list.ts';
import {
  armModel,
  countProcessors,
  countX86Cores,
  countX86Sockets,
  cpuFlags,
  cpuModel,
} from './cpuinfo.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';
import { dropPlaceholder } from '../../identity/placeholder-text.ts';
import { readSmbios } from '../smbios/read.ts';

const base = '/sys/devices/system/cpu';

export const cpuProbe: Probe<'cpu'> = {
  name: 'cpu',
  async read(root, report) {
    const read = new Reading(root, 'cpu', report);
    const cpuinfo = (await read.text('/proc/cpuinfo')) ?? '';
    const online = await readOnlineCpus(read);
    return { ...(await readCounts(read, cpuinfo, online)), ...(await readModel(read, cpuinfo)) };
  },
};

/** Threads are the cpuN directories, except those offline and those without a topology if others have one.
 *  Cores are the distinct sets of sibling threads. Counting pairs of (package, core id) would be wrong,
 *  because core ids repeat on Magny-Cours, some RISC-V, and all s390, sparc and ia64.
 *  Source: /sys/devices/system/cpu, else /proc/cpuinfo. */
async function readCounts(
  read: Reading,
  cpuinfo: string,
  online: readonly number[],
): Promise<Pick<Cpu, 'cpu_cores' | 'cpu_threads' | 'cpu_sockets'>> {
  const siblings = await readSiblings(read, online);
  const running = await withTopology(read, online, siblings);
  const threads = running.length > 0 ? running.length : countProcessors(cpuinfo);
  const isRunning = (cpu: number): boolean => running.length === 0 || running.includes(cpu);
  const cores =
    siblings.size > 0 ? countCores(siblings, new Set(running)) : countX86Cores(cpuinfo, isRunning);
  const sockets = (await readSockets(read, running, cpuinfo)) ?? countX86Sockets(cpuinfo);
  return {
    cpu_threads: threads ?? null,
    cpu_cores: cores ?? null,
    cpu_sockets: sockets ?? null,
  };
}

async function readOnlineCpus(read: Reading): Promise<number[]> {
  const names = (await read.list(base)) ?? [];
  const cpus = names
    .filter((name) => /^cpu\d{1,5}$/.test(name))
    .map((name) => Number(name.slice(3)))
    .toSorted((a, b) => a - b);
  const listText = await read.value(`${base}/online`);
  const list = listText === undefined ? undefined : parseCpuList(listText);
  if (listText !== undefined && list === undefined) {
    read.problem('read.malformed', `${base}/online`, `${base}/online is not a list of CPUs`);
  }
  // The kernel derives both from one mask, so the file of each CPU is needed only without the list.
  if (list !== undefined) return cpus.filter((cpu) => list.has(cpu));
  const states = await Promise.all(cpus.map((cpu) => read.value(`${base}/cpu${cpu}/online`)));
  return cpus.filter((_, i) => states[i] !== '0');
}

/** The files that name the threads of a core, the newest first. */
const siblingFiles = [
  { file: 'core_cpus_list', parse: parseCpuList },
  { file: 'thread_siblings_list', parse: parseCpuList },
  { file: 'core_cpus', parse: parseCpuMask },
  { file: 'thread_siblings', parse: parseCpuMask },
] as const;

/** The threads of each CPU's core, itself included. Empty if no file tells. */
async function readSiblings(
  read: Reading,
  cpus: readonly number[],
): Promise<Map<number, Set<number>>> {
  for (const { file, parse } of siblingFiles) {
    const texts = await Promise.all(
      cpus.map((cpu) => read.value(`${base}/cpu${cpu}/topology/${file}`)),
    );
    const siblings = new Map<number, Set<number>>();
    for (const [i, cpu] of cpus.entries()) {
      const set = parse(texts[i] ?? '');
      if (set !== undefined && set.size > 0) siblings.set(cpu, set);
    }
    if (siblings.size > 0) return siblings;
  }
  return new Map();
}

/** Leaves out CPUs that the kernel lists but does not run: those without topology/ if others have it. */
async function withTopology(
  read: Reading,
  cpus: readonly number[],
  siblings: ReadonlyMap<number, unknown>,
): Promise<readonly number[]> {
  if (siblings.size === cpus.length) return cpus;
  const present = await Promise.all(
    cpus.map(async (cpu) => siblings.has(cpu) || (await hasTopology(read, cpu))),
  );
  return present.includes(true) ? cpus.filter((_, i) => present[i]) : cpus;
}

async function hasTopology(read: Reading, cpu: number): Promise<boolean> {
  const files = await read.list(`${base}/cpu${cpu}/topology`);
  return files === undefined || files.length > 0;
}

function countCores(
  siblings: ReadonlyMap<number, ReadonlySet<number>>,
  online: ReadonlySet<number>,
): number {
  const cores = new Set<string>();
  for (const cpu of online) {
    const threads = [...(siblings.get(cpu) ?? [])].filter((thread) => online.has(thread));
    // A list without the CPU itself is another core's.
    const isOwn = threads.includes(cpu);
    cores.add(isOwn ? threads.toSorted((a, b) => a - b).join(',') : `only ${cpu}`);
  }
  return cores.size;
}

/** On ARM firmware may give each core or cluster a package of its own: SMBIOS counts the sockets there. */
async function readSockets(
  read: Reading,
  cpus: readonly number[],
  cpuinfo: string,
): Promise<number | undefined> {
  const ids = await Promise.all(
    cpus.map((cpu) => read.value(`${base}/cpu${cpu}/topology/physical_package_id`)),
  );
  // -1: the architecture does not tell.
  const known = new Set(ids.filter((id) => id !== undefined && /^\d+$/.test(id)));
  if (known.size < 2 || !/^CPU implementer/m.test(cpuinfo)) return known.size || undefined;
  const smbios = await readSmbios(read.quietly());
  const populated = smbios?.tables.processors.filter(({ isPopulated }) => isPopulated).length ?? 0;
  return populated > 0 ? Math.min(populated, known.size) : known.size;
}

async function readModel(
  read: Reading,
  cpuinfo: string,
): Promise<Pick<Cpu, 'cpu_model' | 'cpu_virtualization'>> {
  const flags = cpuFlags(cpuinfo);
  return {
    cpu_model: (await modelOf(read, cpuinfo)) ?? null,
    cpu_virtualization: flags?.has('vmx') ? 'vmx' : flags?.has('svm') ? 'svm' : null,
  };
}

/** The kernel's name, but a generic one of ARM kernels only for want of a better one. */
async function modelOf(read: Reading, cpuinfo: string): Promise<string | undefined> {
  const name = cpuModel(cpuinfo);
  if (name !== undefined && !/^(?:ARMv\d|AArch64)\b/i.test(name)) return name;
  const arm = armModel(cpuinfo);
  if (name !== undefined) return arm?.isKnown === true ? arm.name : name;
  return await otherModel(read, cpuinfo);
}

/** The name if the kernel has none: the part number, the firmware's name, the device-tree's. */
async function otherModel(read: Reading, cpuinfo: string): Promise<string | undefined> {
  if (cpuinfo === '') return undefined;
  const arm = armModel(cpuinfo);
  if (arm?.isKnown === true) return arm.name;
  const smbios = await readSmbios(read.quietly());
  const processor = smbios?.tables.processors.find(({ isPopulated }) => isPopulated);
  return (
    dropPlaceholder(processor?.version) ??
    arm?.name ??
    (/^isa\s*:\s*rv/m.test(cpuinfo) ? await read.value('/proc/device-tree/model') : undefined)
  );
}
