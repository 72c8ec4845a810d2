// The nodes of a machine with their CPUs and memory, and the pages that are set aside.
import type { HugePages, NumaNode } from '../../model/details.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';

const base = '/sys/devices/system/node';
const pages = '/sys/kernel/mm/hugepages';

/** Source: /sys/devices/system/node (kernel Documentation/ABI/stable/sysfs-devices-node); /sys/kernel/mm. */
export const numaProbe: Probe<'numa'> = {
  name: 'numa',
  async read(root, report) {
    const read = new Reading(root, 'numa', report);
    const [names = [], sizes = [], transparent] = await Promise.all([
      read.list(base),
      read.list(pages),
      read.value('/sys/kernel/mm/transparent_hugepage/enabled'),
    ]);
    const nodes = await Promise.all(names.map((name) => readNode(read, name)));
    const huge = await Promise.all(sizes.map((name) => readPages(read, name)));
    return {
      nodes: nodes.filter((node) => node !== undefined).toSorted((a, b) => a.node - b.node),
      huge_pages: huge.filter((one) => one !== undefined),
      transparent_huge_pages: /\[(\w+)\]/.exec(transparent ?? '')?.[1] ?? null,
    };
  },
};

async function readNode(read: Reading, name: string): Promise<NumaNode | undefined> {
  const node = /^node(\d{1,5})$/.exec(name)?.[1];
  if (node === undefined) return undefined;
  const [cpus, meminfo, distance] = await Promise.all([
    read.value(`${base}/${name}/cpulist`),
    read.text(`${base}/${name}/meminfo`),
    read.value(`${base}/${name}/distance`),
  ]);
  const kibibytes = /MemTotal:\s*(\d{1,12}) kB/.exec(meminfo ?? '')?.[1];
  return {
    node: Number(node),
    cpus: cpus ?? '',
    memory_bytes: kibibytes === undefined ? null : Number(kibibytes) * 1024,
    distances: (distance ?? '').split(/\s+/).filter(Boolean).map(Number),
  };
}

async function readPages(read: Reading, name: string): Promise<HugePages | undefined> {
  const kibibytes = /^hugepages-(\d{1,9})kB$/.exec(name)?.[1];
  const [total, free] = await Promise.all([
    read.number(`${pages}/${name}/nr_hugepages`),
    read.number(`${pages}/${name}/free_hugepages`),
  ]);
  if (kibibytes === undefined || total === undefined) return undefined;
  return { size_bytes: Number(kibibytes) * 1024, total, free: free ?? null };
}
