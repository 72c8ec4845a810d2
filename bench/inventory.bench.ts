// Measures an inventory, in-process and as a program, against `node -e 0`, systeminformation, facter and
// lshw. Every ratio compares the fastest runs of two things measured by turns in this run.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { collectInventory } from '../src/inventory/inventory.ts';

const program = join(import.meta.dirname, '..', 'dist', 'bin', 'dragonfly-agent.js');
const rounds = 20;

/** The wall time of one run of a program, its output thrown away. Units: milliseconds. */
function runMs([file = '', ...args]: readonly string[]): number {
  const startedMs = performance.now();
  spawnSync(file, args, { stdio: 'ignore' });
  return performance.now() - startedMs;
}

/** Peak RSS of a Node program, told by itself when it ends. */
function peakMb(args: readonly string[]): number {
  const report = `process.on('exit', () => require('fs').writeSync(2, 'peak ' + process.resourceUsage().maxRSS))`;
  const preload = `data:text/javascript,import { createRequire } from 'node:module'; const require = createRequire('/'); ${report}`;
  const { stderr } = spawnSync(process.execPath, ['--import', preload, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  return Number(/peak (\d+)/.exec(stderr)?.[1]) / 1024;
}

/** Runs programs by turns and gives the fastest of each: what else the machine does only adds. */
function byTurns(commands: readonly (readonly string[])[], count = rounds): number[] {
  const fastest = commands.map(() => Number.POSITIVE_INFINITY);
  for (let i = 0; i < count; i++) {
    for (const [k, command] of commands.entries()) {
      fastest[k] = Math.min(fastest[k] ?? Number.NaN, runMs(command));
    }
  }
  return fastest;
}

async function inProcessMs(root: string): Promise<{ first: number; warm: number }> {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const startedMs = performance.now();
    await collectInventory(root);
    times.push(performance.now() - startedMs);
  }
  return { first: times[0] ?? Number.NaN, warm: Math.min(...times) };
}

/** A machine with so many CPUs, disks and ports, as Linux shows it. */
function makeMachine(top: string, counts: { cpus: number; disks: number; nics: number }): void {
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), text);
  };
  const link = (path: string, target: string): void => {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    symlinkSync(target, join(top, path));
  };
  const cpuinfo = (i: number): string =>
    `processor\t: ${i}\nmodel name\t: ACME CPU 9000\nphysical id\t: ${i % 2}\ncore id\t\t: ${i >> 2}\nflags\t\t: fpu vmx sse2\n\n`;
  put('proc/cpuinfo', Array.from({ length: counts.cpus }, (_, i) => cpuinfo(i)).join(''));
  put('proc/meminfo', 'MemTotal:       1056561152 kB\n');
  put('etc/machine-id', '0123456789abcdef0123456789abcde0\n');
  put('proc/mounts', '/dev/sda1 / ext4 rw 0 0\n');
  put('sys/devices/system/cpu/online', `0-${counts.cpus - 1}\n`);
  for (let i = 0; i < counts.cpus; i++) {
    const topology = `sys/devices/system/cpu/cpu${i}/topology`;
    const first = i - (i % 2);
    put(`${topology}/core_cpus_list`, `${first}-${first + 1}\n`);
    put(`${topology}/thread_siblings_list`, `${first}-${first + 1}\n`);
    put(`${topology}/physical_package_id`, `${(i % 4) >> 1}\n`);
    put(`${topology}/core_id`, `${i >> 1}\n`);
  }
  for (let i = 0; i < counts.disks; i++) {
    const name = `sd${String.fromCharCode(97 + i)}`;
    const device = `sys/devices/pci0000:00/0000:00:17.0/ata${i + 1}/host${i}/target${i}:0:0/${i}:0:0:0`;
    const files = { size: '1000215216', dev: `8:${i * 16}`, removable: '0', ro: '0', hidden: '0' };
    for (const [file, text] of Object.entries(files))
      put(`${device}/block/${name}/${file}`, `${text}\n`);
    put(`${device}/block/${name}/queue/rotational`, '0\n');
    for (const [file, text] of Object.entries({
      type: '0',
      model: 'ACME DISK',
      vendor: 'ATA',
      wwid: `naa.5002538e40a1b2${i + 10}`,
    }))
      put(`${device}/${file}`, `${text}\n`);
    put(
      `run/udev/data/b8:${i * 16}`,
      `E:ID_SERIAL=ACME_DISK_S${i}\nE:ID_SERIAL_SHORT=S${i}\nE:ID_BUS=ata\n`,
    );
    link(`${device}/block/${name}/device`, `../../../${i}:0:0:0`);
    link(`sys/block/${name}`, `../${device.slice(4)}/block/${name}`);
  }
  for (let i = 0; i < counts.nics; i++) {
    const device = `sys/devices/pci0000:00/0000:00:0${i + 1}.0`;
    const files = {
      address: `52:54:00:00:00:0${i}`,
      type: '1',
      carrier: '1',
      speed: '10000',
      mtu: '1500',
    };
    for (const [file, text] of Object.entries(files))
      put(`${device}/net/eth${i}/${file}`, `${text}\n`);
    link(`${device}/net/eth${i}/device`, `../../../0000:00:0${i + 1}.0`);
    link(`${device}/driver`, '../../../bus/pci/drivers/ixgbe');
    link(`sys/class/net/eth${i}`, `../../devices/pci0000:00/0000:00:0${i + 1}.0/net/eth${i}`);
  }
}

function isInstalled(tool: string): boolean {
  return spawnSync('which', [tool], { stdio: 'ignore' }).status === 0;
}

function tell(what: string, value: string, target: string): void {
  console.log(`${what.padEnd(58)} ${value.padStart(9)}   target ${target}`);
}

if (!existsSync(program))
  throw new Error('run `npm run build` first: the program is measured as published');
const top = mkdtempSync(join(tmpdir(), 'dragonfly-bench-'));
try {
  const [small, large] = [join(top, 'small'), join(top, 'large')];
  makeMachine(small, { cpus: 8, disks: 2, nics: 2 });
  makeMachine(large, { cpus: 128, disks: 24, nics: 4 });
  for (const [name, root, target] of [
    ['in-process: 2 disks, 2 NICs', small, '≤ 40 ms'],
    ['in-process: 128 CPUs, 24 disks', large, '≤ 150 ms'],
    ['in-process: this host', '/', ''],
  ] as const) {
    const { first, warm } = await inProcessMs(root);
    tell(`${name} (first ${first.toFixed(1)} ms)`, `${warm.toFixed(1)} ms`, target);
  }

  const node = [process.execPath, '-e', '0'];
  const ours = [process.execPath, program, 'inventory', '--json'];
  const [emptyMs = 0, oursMs = 0] = byTurns([node, ours]);
  tell('inventory --json / node -e 0, wall', `${(oursMs / emptyMs).toFixed(2)} x`, '≤ 2.0 x');
  const [emptyMb, oursMb] = [peakMb(['-e', '0']), peakMb([program, 'inventory', '--json'])];
  tell('inventory --json / node -e 0, peak RSS', `${(oursMb / emptyMb).toFixed(2)} x`, '≤ 1.5 x');

  const fields = `const si = require('systeminformation');
    Promise.all([si.system(), si.bios(), si.baseboard(), si.chassis(), si.uuid(), si.cpu(), si.mem(),
      si.memLayout(), si.diskLayout(), si.blockDevices(), si.networkInterfaces(), si.graphics(), si.osInfo()]).then(() => process.exit(0))`;
  const others: [string, readonly string[]][] = [
    ['systeminformation', [process.execPath, '-e', fields]],
    ['facter', ['facter', '--json']],
    ['lshw', ['lshw', '-json']],
  ];
  for (const [name, command] of others) {
    if (name !== 'systeminformation' && !isInstalled(name)) {
      console.log(`${name} is not installed: skipped`);
      continue;
    }
    const [theirs = 0, again = 0] = byTurns([command, ours], 5);
    const times = `${theirs.toFixed(0)} to ${again.toFixed(0)} ms`;
    tell(
      `${name} / inventory --json, wall (${times})`,
      `${(theirs / again).toFixed(1)} x`,
      '≥ 5 x',
    );
  }
} finally {
  rmSync(top, { recursive: true });
}
