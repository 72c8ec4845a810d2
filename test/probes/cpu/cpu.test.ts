import { describe, expect, it } from 'vitest';
import { codes, denied, probe, read } from '../host.ts';
import type { Entry } from '../memory-root.ts';

const base = '/sys/devices/system/cpu';

/** Topology files by CPU: { 0: { core_cpus_list: '0,4' } }. */
function cpus(
  topology: Readonly<Record<number, Readonly<Record<string, string>>>>,
): Record<string, Entry> {
  const files: Record<string, Entry> = {};
  for (const [cpu, own] of Object.entries(topology)) {
    files[`${base}/cpu${cpu}/uevent`] = '';
    for (const [name, value] of Object.entries(own)) {
      files[`${base}/cpu${cpu}/topology/${name}`] = value;
    }
  }
  return files;
}

async function counts(files: Readonly<Record<string, Entry>>): Promise<unknown[]> {
  const { cpu_sockets, cpu_cores, cpu_threads } = await read('cpu', files);
  return [cpu_sockets, cpu_cores, cpu_threads];
}

const smt = {
  0: { core_cpus_list: '0,2', physical_package_id: '0' },
  1: { core_cpus_list: '1,3', physical_package_id: '1' },
  2: { core_cpus_list: '0,2', physical_package_id: '0' },
  3: { core_cpus_list: '1,3', physical_package_id: '1' },
};

describe('the cpu probe', () => {
  it('counts the distinct sets of sibling threads as cores', async () => {
    expect(await counts({ ...cpus(smt), [`${base}/online`]: '0-3\n' })).toEqual([2, 2, 4]);
  });

  it('leaves out CPUs that are not in the online list', async () => {
    expect(await counts({ ...cpus(smt), [`${base}/online`]: '0-1\n' })).toEqual([2, 2, 2]);
  });

  it('leaves out CPUs that say they are offline where there is no list', async () => {
    const files = { ...cpus(smt), [`${base}/cpu3/online`]: '0\n', [`${base}/cpu2/online`]: '1\n' };
    expect(await counts(files)).toEqual([2, 2, 3]);
  });

  it('leaves out a CPU without topology where others have one', async () => {
    expect(await counts(cpus({ ...smt, 4: {} }))).toEqual([2, 2, 4]);
  });

  it.each([
    ['thread_siblings_list', '0-1', '2-3'],
    ['core_cpus', '00000003', '0000000c'],
    ['thread_siblings', '00000000,00000003', '00000000,0000000c'],
  ])('reads %s where newer files are missing', async (file, first, second) => {
    const topology = { 0: first, 1: first, 2: second, 3: second };
    const files = cpus(
      Object.fromEntries(Object.entries(topology).map(([cpu, set]) => [cpu, { [file]: set }])),
    );
    expect(await counts(files)).toEqual([null, 2, 4]);
  });

  it('does not believe core ids, which repeat within a package of two dies', async () => {
    const files = cpus({
      0: { thread_siblings_list: '0', core_id: '0', physical_package_id: '0' },
      1: { thread_siblings_list: '1', core_id: '0', physical_package_id: '0' },
    });
    expect(await counts(files)).toEqual([1, 2, 2]);
  });

  it('takes package -1 for not known', async () => {
    const files = cpus({ 0: { core_cpus_list: '0', physical_package_id: '-1' } });
    expect(await counts(files)).toEqual([null, 1, 1]);
  });

  it('counts by /proc/cpuinfo on x86 without sysfs', async () => {
    const cpu = (n: number, core: number): string =>
      `processor\t: ${n}\nphysical id\t: 0\nsiblings\t: 4\ncore id\t\t: ${core}\ncpu cores\t: 2\nflags\t\t: fpu vmx\n\n`;
    const cpuinfo = cpu(0, 0) + cpu(1, 1) + cpu(2, 0) + cpu(3, 1);
    expect(await counts({ '/proc/cpuinfo': cpuinfo })).toEqual([1, 2, 4]);
  });

  it('counts cores by their number where ids repeat, as on Magny-Cours', async () => {
    const cpu = (n: number): string =>
      `processor\t: ${n}\nphysical id\t: 0\nsiblings\t: 4\ncore id\t\t: ${n % 2}\ncpu cores\t: 4\nflags\t\t: fpu svm\n\n`;
    const cpuinfo = [0, 1, 2, 3].map(cpu).join('');
    expect(await counts({ '/proc/cpuinfo': cpuinfo })).toEqual([1, 4, 4]);
  });

  it('tells no cores by /proc/cpuinfo of another architecture', async () => {
    const cpuinfo = 'processor : 0\ncpu : POWER8\n\nprocessor : 1\ncpu : POWER8\n';
    expect(await counts({ '/proc/cpuinfo': cpuinfo })).toEqual([null, null, 2]);
  });

  it.each([
    ['x86', 'model name\t: AMD EPYC 7402\n', 'AMD EPYC 7402'],
    ['LoongArch', 'Model Name\t\t: Loongson-3A5000\n', 'Loongson-3A5000'],
    [
      'POWER',
      'cpu\t: POWER9, altivec supported\nmachine\t: PowerNV\n',
      'POWER9, altivec supported',
    ],
    ['old ARM', 'Processor\t: ARMv7 rev 4 (v7l)\nprocessor\t: 0\n', 'ARMv7 rev 4 (v7l)'],
    ['ARM by its numbers', 'CPU implementer : 0x41\nCPU part : 0xd0c\n', 'ARM Neoverse-N1'],
    [
      'ARM by its numbers, before a generic name',
      'model name\t: ARMv7 Processor rev 4 (v7l)\nCPU implementer\t: 0x41\nCPU part\t: 0xd03\n',
      'ARM Cortex-A53',
    ],
    [
      'ARM of unknown numbers',
      'model name\t: ARMv8 Processor rev 0 (v8l)\nCPU implementer\t: 0xc9\nCPU part\t: 0x001\n',
      'ARMv8 Processor rev 0 (v8l)',
    ],
    ['RISC-V', 'isa : rv64\nuarch : sifive,u74-mc\n', 'sifive,u74-mc'],
    ['s390', 'processor 0: version = FF,  identification = 1,  machine = 3931\n', 'IBM 3931'],
  ])('names the CPU of %s', async (_, cpuinfo, model) => {
    expect((await read('cpu', { '/proc/cpuinfo': cpuinfo })).cpu_model).toBe(model);
  });

  it('takes the device-tree for the model where RISC-V names none', async () => {
    const files = {
      '/proc/cpuinfo': 'isa : rv64imafdcv\n',
      '/proc/device-tree/model': 'Pioneer\0',
    };
    expect((await read('cpu', files)).cpu_model).toBe('Pioneer');
  });

  it('takes the name of an ARM CPU that it does not know from SMBIOS', async () => {
    const cpuinfo = 'CPU implementer : 0xc9\nCPU part : 0x001\n';
    const dmidecode = 'Processor Information\n\tVersion: Ampere(R) Altra(R) Max\n';
    expect((await read('cpu', { '/proc/cpuinfo': cpuinfo }, { dmidecode })).cpu_model).toBe(
      'Ampere(R) Altra(R) Max',
    );
  });

  it('tells whether the CPU can run virtual machines', async () => {
    const found = await read('cpu', { '/proc/cpuinfo': 'flags\t\t: fpu svm lm\n' });
    expect(found.cpu_virtualization).toBe('svm');
  });

  it('reports a list of CPUs that is none, and asks each CPU instead', async () => {
    const files = { ...cpus(smt), [`${base}/online`]: '0-banana', [`${base}/cpu3/online`]: '0' };
    const { found, problems } = await probe('cpu', files);
    expect(found?.cpu_threads).toBe(3);
    expect(codes(problems)).toEqual([`read.malformed ${base}/online`]);
  });

  it('reports a denied file and knows the rest', async () => {
    const files = { ...cpus(smt), '/proc/cpuinfo': denied('/proc/cpuinfo') };
    const { found, problems } = await probe('cpu', files);
    expect(found).toMatchObject({ cpu_threads: 4, cpu_model: null });
    expect(codes(problems)).toEqual(['read.denied /proc/cpuinfo']);
  });

  it('knows nothing of a host without files', async () => {
    expect(await read('cpu', {})).toEqual({
      cpu_model: null,
      cpu_cores: null,
      cpu_threads: null,
      cpu_sockets: null,
      cpu_virtualization: null,
    });
  });
});
