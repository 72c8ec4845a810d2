// Measures a collection in-process: all probes over captures of a small and a large machine, made here, and
// over this host, against merely reading the same files.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { collect } from '../src/probes/collect.ts';
import { openRoot } from '../src/sources/open.ts';
import type { Root } from '../src/sources/root.ts';
import {
  entryPoint,
  memoryModule,
  structure,
  system,
  table,
} from '../test/probes/smbios/smbios-table.ts';

const rounds = 15;

interface Shape {
  cpus: number;
  disks: number;
  nics: number;
}

/** The files of a machine of that shape, as the kernel lays them out. */
function machine(top: string, { cpus, disks, nics }: Shape): void {
  const put = (path: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), content);
  };
  const link = (path: string, target: string): void => {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    symlinkSync(target, join(top, path));
  };
  const firmware = structure(0, { 0x04: 1, 0x13: 0 }, ['AMI']);
  const modules = Array.from({ length: 16 }, () => memoryModule());
  put('sys/firmware/dmi/tables/DMI', table(firmware, system('Dell', 'R7525'), ...modules));
  put('sys/firmware/dmi/tables/smbios_entry_point', entryPoint(3, 3));
  put('etc/machine-id', '0123456789abcdef0123456789abcdef\n');
  put('proc/mounts', '/dev/sda1 / ext4 rw 0 0\n');
  const flags = Array.from({ length: 130 }, (_, i) => `flag${i}`).join(' ');
  const cpu = (n: number): string =>
    `processor\t: ${n}\nmodel name\t: AMD EPYC 7763\nphysical id\t: ${n % 2}\nflags\t\t: ${flags}\n\n`;
  put('proc/cpuinfo', Array.from({ length: cpus }, (_, n) => cpu(n)).join(''));
  put('sys/devices/system/cpu/online', `0-${cpus - 1}\n`);
  for (let n = 0; n < cpus; n++) {
    const topology = `sys/devices/system/cpu/cpu${n}/topology`;
    const first = n % (cpus / 2);
    put(`${topology}/core_cpus_list`, `${first},${first + cpus / 2}\n`);
    put(`${topology}/physical_package_id`, `${n % 2}\n`);
  }
  for (let n = 0; n < disks; n++) {
    const device = `sys/devices/pci0000:00/0000:${hex(n + 16)}:00.0/nvme/nvme${n}`;
    const block = `${device}/nvme${n}n1`;
    link(`sys/block/nvme${n}n1`, `../../${block}`);
    link(`${block}/device`, '../../nvme' + String(n));
    put(`${block}/size`, '3750748848\n');
    put(`${block}/queue/rotational`, '0\n');
    put(`${block}/wwid`, `eui.00253881${hex(n)}\n`);
    for (const name of ['ro', 'removable', 'hidden']) put(`${block}/${name}`, '0\n');
    put(`${block}/dev`, `259:${n}\n`);
    put(`${device}/model`, 'SAMSUNG MZQL21T9HCJR-00A07\n');
    put(`${device}/serial`, `S64GNE0R${hex(n)}\n`);
    put(`${device}/transport`, 'pcie\n');
  }
  for (let n = 0; n < nics; n++) {
    const device = `sys/devices/pci0000:80/0000:81:00.${n}`;
    link(`sys/class/net/eth${n}`, `../../../${device}/net/eth${n}`);
    link(`${device}/net/eth${n}/device`, `../../../0000:81:00.${n}`);
    put(`${device}/uevent`, 'DRIVER=mlx5_core\n');
    put(`${device}/net/eth${n}/address`, `b8:3f:d2:00:00:${hex(n)}\n`);
    for (const [name, value] of [
      ['type', 1],
      ['speed', 25_000],
      ['carrier', 1],
      ['mtu', 1500],
    ]) {
      put(`${device}/net/eth${n}/${name}`, `${value}\n`);
    }
  }
}

function hex(n: number): string {
  return n.toString(16).padStart(2, '0');
}

/** Milliseconds of the first and of the median collection, and of reading the same text files bare. */
async function measure(
  open: () => Promise<Root>,
): Promise<[first: number, median: number, bare: number]> {
  const asked = new Set<string>();
  const root = await open();
  const noting: Root = {
    description: root.description,
    text(path) {
      asked.add(path);
      return root.text(path);
    },
    bytes: (path, range) => root.bytes(path, range),
    list: (dir) => root.list(dir),
    link: (path) => root.link(path),
    exec: (tool, args) => root.exec(tool, args),
  };
  const first = await timed(async () => collect(noting));
  const collections: number[] = [];
  const reads: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const [fresh, bare] = [await open(), await open()];
    collections.push(await timed(async () => collect(fresh)));
    reads.push(
      await timed(async () => {
        for (const path of asked) await bare.text(path).catch(() => undefined);
      }),
    );
  }
  return [first, median(collections), median(reads)];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const top = mkdtempSync(join(tmpdir(), 'dragonfly-collect-'));
try {
  machine(join(top, 'small'), { cpus: 8, disks: 2, nics: 2 });
  machine(join(top, 'large'), { cpus: 128, disks: 24, nics: 4 });
  const cases = [
    { name: 'capture of 8 CPUs, 2 disks, 2 NICs', path: join(top, 'small'), targetMs: 40 },
    { name: 'capture of 128 CPUs, 24 disks, 4 NICs', path: join(top, 'large'), targetMs: 150 },
    { name: 'this host', path: '/', targetMs: 40 },
  ];
  for (const { name, path, targetMs } of cases) {
    const [first, usual, bare] = await measure(() => openRoot(path));
    console.log(
      `${name}: median ${usual.toFixed(1)} ms (target: ${targetMs} ms), the first in a new process ` +
        `${first.toFixed(1)} ms; ${(usual / bare).toFixed(1)} x reading its files bare (${bare.toFixed(1)} ms)`,
    );
  }
} finally {
  rmSync(top, { recursive: true });
}
