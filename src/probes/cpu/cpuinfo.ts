// /proc/cpuinfo, whose form differs on every architecture. Pure.
import { clean } from '../reading.ts';

/** One block of /proc/cpuinfo, about one CPU or all of them. */
type Block = ReadonlyMap<string, string>;

/** The blocks of the file. Within a block the first value of a key wins. */
export function parseCpuinfo(text: string): Block[] {
  const blocks: Map<string, string>[] = [];
  let current: Map<string, string> | undefined;
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (line.trim() === '') current = undefined;
    if (colon === -1) continue;
    const key = line.slice(0, colon).trim();
    // Old ARM kernels list all their CPUs in one block.
    if (current === undefined || (key === 'processor' && current.has(key))) {
      current = new Map();
      blocks.push(current);
    }
    if (!current.has(key)) current.set(key, clean(line.slice(colon + 1)));
  }
  return blocks;
}

/** The flags of the first CPU on x86 ("flags : fpu vme …"); undefined if they are not listed. */
export function cpuFlags(text: string): Set<string> | undefined {
  const line = /^flags[ \t]*:(.*)$/m.exec(text)?.[1];
  return line === undefined ? undefined : new Set(line.trim().split(/\s+/));
}

/** The number of CPUs that the file lists; undefined if it lists none.
 *  s390 lists them twice, as "processor N: version = …" and as "cpu number : N". */
export function countProcessors(text: string): number | undefined {
  const numbered = text.match(/^processor[ \t]*:[ \t]*\d+[ \t]*$/gm)?.length;
  const s390 = text.match(/^processor \d+:/gm)?.length;
  const sparc = /^ncpus active[ \t]*:[ \t]*(\d{1,5})/m.exec(text)?.[1];
  return numbered ?? s390 ?? (sparc === undefined ? undefined : Number(sparc));
}

/** Keys that may hold the CPU's name, the best first. */
const modelKeys = ['model name', 'Model Name', 'cpu model', 'uarch', 'cpu', 'Processor', 'machine'];

/** The kernel's name for the CPU; undefined if it has none (many ARM kernels). */
export function cpuModel(text: string): string | undefined {
  const s390 = /^processor \d+:.*\bmachine = ([0-9A-Za-z]+)/m.exec(text)?.[1];
  if (s390 !== undefined) return `IBM ${s390}`;
  const blocks = parseCpuinfo(text);
  for (const key of modelKeys) {
    for (const block of blocks) {
      const value = block.get(key);
      if (value !== undefined && value !== '' && !/^\d+$/.test(value)) return value;
    }
  }
  return undefined;
}

/** Physical cores by the ids and counts in /proc/cpuinfo of x86; undefined if it has neither. The two
 *  counts fail differently: ids repeat within a package of two dies, and old kernels lack counts. If they
 *  differ, the larger one is right. */
export function countX86Cores(
  text: string,
  isOnline: (cpu: number) => boolean,
): number | undefined {
  const cpus = parseCpuinfo(text).filter((block) => isOnline(Number(block.get('processor'))));
  if (cpus.length === 0 || !cpus.every((cpu) => cpu.has('flags'))) return undefined;
  // Kernels leave the ids out if every CPU is a package of one core.
  if (!cpus.some((cpu) => cpu.has('core id'))) return cpus.length;
  const pairs = new Set(cpus.map((cpu) => `${cpu.get('physical id')}/${cpu.get('core id')}`));
  const shares = cpus.map((cpu) => Number(cpu.get('cpu cores')) / Number(cpu.get('siblings')));
  const counted = Math.round(shares.reduce((sum, share) => sum + share, 0));
  return Number.isFinite(counted) && counted <= cpus.length
    ? Math.max(pairs.size, counted)
    : pairs.size;
}

/** The number of distinct "physical id"s on x86; undefined if there are none. */
export function countX86Sockets(text: string): number | undefined {
  if (cpuFlags(text) === undefined) return undefined;
  const ids = new Set(parseCpuinfo(text).flatMap((block) => block.get('physical id') ?? []));
  return ids.size === 0 ? undefined : ids.size;
}

/** "ARM Neoverse-N1", from the implementer and part numbers that ARM kernels give instead of a name; the
 *  numbers themselves if the table lacks them. */
export function armModel(text: string): { name: string; isKnown: boolean } | undefined {
  const implementer = /^CPU implementer\s*:\s*(0x[0-9a-f]{1,4})/m.exec(text)?.[1];
  const part = /^CPU part\s*:\s*(0x[0-9a-f]{1,4})/m.exec(text)?.[1];
  if (implementer === undefined || part === undefined) return undefined;
  const name = armParts.get(`${implementer}/${part}`);
  return {
    name: name ?? `ARM implementer ${implementer} part ${part}`,
    isKnown: name !== undefined,
  };
}

/** Source: kernel arch/arm64/include/asm/cputype.h and arch/arm/include/asm/cputype.h. */
const armParts: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '0x41/0xb76': 'ARM ARM1176',
    '0x41/0xc07': 'ARM Cortex-A7',
    '0x41/0xc08': 'ARM Cortex-A8',
    '0x41/0xc09': 'ARM Cortex-A9',
    '0x41/0xc0f': 'ARM Cortex-A15',
    '0x41/0xd02': 'ARM Cortex-A34',
    '0x41/0xd03': 'ARM Cortex-A53',
    '0x41/0xd04': 'ARM Cortex-A35',
    '0x41/0xd05': 'ARM Cortex-A55',
    '0x41/0xd07': 'ARM Cortex-A57',
    '0x41/0xd08': 'ARM Cortex-A72',
    '0x41/0xd09': 'ARM Cortex-A73',
    '0x41/0xd0a': 'ARM Cortex-A75',
    '0x41/0xd0b': 'ARM Cortex-A76',
    '0x41/0xd0c': 'ARM Neoverse-N1',
    '0x41/0xd0d': 'ARM Cortex-A77',
    '0x41/0xd0e': 'ARM Cortex-A76AE',
    '0x41/0xd40': 'ARM Neoverse-V1',
    '0x41/0xd41': 'ARM Cortex-A78',
    '0x41/0xd42': 'ARM Cortex-A78AE',
    '0x41/0xd44': 'ARM Cortex-X1',
    '0x41/0xd46': 'ARM Cortex-A510',
    '0x41/0xd47': 'ARM Cortex-A710',
    '0x41/0xd48': 'ARM Cortex-X2',
    '0x41/0xd49': 'ARM Neoverse-N2',
    '0x41/0xd4a': 'ARM Neoverse-E1',
    '0x41/0xd4b': 'ARM Cortex-A78C',
    '0x41/0xd4d': 'ARM Cortex-A715',
    '0x41/0xd4e': 'ARM Cortex-X3',
    '0x41/0xd4f': 'ARM Neoverse-V2',
    '0x41/0xd80': 'ARM Cortex-A520',
    '0x41/0xd81': 'ARM Cortex-A720',
    '0x41/0xd82': 'ARM Cortex-X4',
    '0x41/0xd84': 'ARM Neoverse-V3',
    '0x41/0xd85': 'ARM Cortex-X925',
    '0x41/0xd87': 'ARM Cortex-A725',
    '0x41/0xd8e': 'ARM Neoverse-N3',
    '0x43/0x0a1': 'Cavium ThunderX',
    '0x43/0x0a2': 'Cavium ThunderX 81XX',
    '0x43/0x0a3': 'Cavium ThunderX 83XX',
    '0x43/0x0af': 'Marvell ThunderX2',
    '0x46/0x001': 'Fujitsu A64FX',
    '0x48/0xd01': 'HiSilicon Kunpeng 920',
    '0x4e/0x003': 'NVIDIA Denver 2',
    '0x4e/0x004': 'NVIDIA Carmel',
    '0x50/0x000': 'APM X-Gene',
    '0x51/0xc00': 'Qualcomm Falkor',
    '0x6d/0xd49': 'Microsoft Azure Cobalt 100',
    '0x70/0x662': 'Phytium FTC662',
    '0x70/0x663': 'Phytium FTC663',
    '0xc0/0xac3': 'Ampere-1',
    '0xc0/0xac4': 'Ampere-1a',
  }),
);
