// The processors in detail: identity, caches, frequencies, flags, vulnerabilities.
import type { Cache } from '../../model/details.ts';
import { parseCpuinfo } from '../cpu/cpuinfo.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';

const base = '/sys/devices/system/cpu';

/** Source: /proc/cpuinfo of the first CPU; /sys/devices/system/cpu, whose frequencies are in kHz. */
export const processorProbe: Probe<'processor'> = {
  name: 'processor',
  async read(root, report) {
    const read = new Reading(root, 'processor', report);
    const [text, architecture, caches, vulnerabilities] = await Promise.all([
      read.text('/proc/cpuinfo'),
      readArchitecture(read),
      readCaches(read),
      readVulnerabilities(read),
    ]);
    const [first] = parseCpuinfo(text ?? '');
    const value = (...keys: string[]): string | null =>
      keys.map((key) => first?.get(key)).find((one) => one !== undefined && one !== '') ?? null;
    const frequency = async (file: string): Promise<number | null> => {
      const kilohertz = await read.number(`${base}/cpu0/cpufreq/${file}`);
      return kilohertz === undefined ? null : Math.round(kilohertz / 1000);
    };
    const [min_mhz, max_mhz, base_mhz] = await Promise.all(
      ['cpuinfo_min_freq', 'cpuinfo_max_freq', 'base_frequency'].map(frequency),
    );
    return {
      architecture,
      vendor: value('vendor_id', 'CPU implementer'),
      family: integer(value('cpu family')),
      model_number: integer(value('model', 'CPU part')),
      stepping: integer(value('stepping', 'CPU revision')),
      microcode: value('microcode'),
      min_mhz: min_mhz ?? null,
      max_mhz: max_mhz ?? null,
      base_mhz: base_mhz ?? null,
      caches,
      flags: (value('flags', 'Features', 'features') ?? '').split(/\s+/).filter(Boolean),
      vulnerabilities,
    };
  },
};

function integer(text: string | null): number | null {
  return text !== null && /^(0x[0-9a-f]{1,8}|\d{1,9})$/i.test(text) ? Number(text) : null;
}

/** Kernels before 6.1 have no file for it. */
async function readArchitecture(read: Reading): Promise<string | null> {
  const own = await read.value('/proc/sys/kernel/arch');
  return own ?? ((await read.exec('uname', ['-m'])) ?? '').trim() ?? null;
}

/** CPUs that share a cache name the same CPUs in it. */
async function readCaches(read: Reading): Promise<Cache[]> {
  const cpus = ((await read.list(base)) ?? []).filter((name) => /^cpu\d+$/.test(name));
  const found = new Map<string, Cache>();
  const places = new Set<string>();
  const all = await Promise.all(cpus.map((cpu) => readCachesOf(read, cpu)));
  for (const { level, type, size_bytes, shared } of all.flat()) {
    const kind = `${level} ${type} ${size_bytes}`;
    const cache = found.get(kind) ?? { level, type, size_bytes, count: 0 };
    if (!places.has(`${kind} ${shared}`)) cache.count += 1;
    places.add(`${kind} ${shared}`);
    found.set(kind, cache);
  }
  return [...found.values()].toSorted((a, b) => a.level - b.level || (a.type < b.type ? -1 : 1));
}

async function readCachesOf(
  read: Reading,
  cpu: string,
): Promise<(Omit<Cache, 'count'> & { shared: string })[]> {
  const dir = `${base}/${cpu}/cache`;
  const names = ((await read.list(dir)) ?? []).filter((name) => /^index\d+$/.test(name));
  const caches = await Promise.all(
    names.map(async (name) => {
      const [level, type, size, shared] = await Promise.all([
        read.number(`${dir}/${name}/level`),
        read.value(`${dir}/${name}/type`),
        read.value(`${dir}/${name}/size`),
        read.value(`${dir}/${name}/shared_cpu_list`),
      ]);
      const kibibytes = /^(\d{1,9})K$/.exec(size ?? '')?.[1];
      if (level === undefined || type === undefined || kibibytes === undefined) return undefined;
      return { level, type, size_bytes: Number(kibibytes) * 1024, shared: shared ?? cpu };
    }),
  );
  return caches.filter((cache) => cache !== undefined);
}

async function readVulnerabilities(read: Reading): Promise<Record<string, string>> {
  const dir = `${base}/vulnerabilities`;
  const names = (await read.list(dir)) ?? [];
  const states = await Promise.all(names.map((name) => read.value(`${dir}/${name}`)));
  return Object.fromEntries(names.map((name, i) => [name, states[i] ?? '']));
}
