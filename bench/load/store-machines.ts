// The machines that the store's benchmarks write: about 4 KB of JSON with 12 index entries.
import { createHash } from 'node:crypto';
import { newMachine } from '../../src/server/rules/machine-record.ts';
import { evidenceOf } from '../../src/identity/evidence.ts';
import type { Machine } from '../../src/model/machine.ts';

/** The check-in of the n-th machine. */
export function benchRequest(n: number) {
  const hex = n.toString(16).padStart(10, '0');
  const mac = (port: number) =>
    `02:${hex.match(/../g)?.slice(1).join(':')}:${port.toString(16).padStart(2, '0')}`;
  const noise = createHash('sha256').update(hex).digest('hex');
  return {
    mac: mac(0),
    all_macs: [mac(0), mac(1)],
    smbios_uuid: `4c4c4544-0051-3510-8052-00${hex}`,
    machine_id: noise.slice(0, 32),
    hostname: `node-${n}.example.org`,
    cpu_model: 'AMD EPYC 9354P 32-Core Processor',
    cpu_cores: 32,
    cpu_threads: 64,
    memory_bytes: 412_316_860_416,
    disks: Array.from({ length: 14 }, (_, i) => ({
      name: `nvme${i}n1`,
      size_bytes: 3_840_755_982_336,
      model: 'SAMSUNG MZQL23T8HCLS-00A07',
      serial: `S64HNE0${noise.slice(i, i + 8).toUpperCase()}`,
      wwn: `eui.36344830${noise.slice(i, i + 16)}`,
    })),
    interfaces: [0, 1].map((i) => ({ name: `enp1s0f${i}`, mac: mac(i), speed_mbps: 25_000 })),
    boot_id: `${noise.slice(0, 8)}-0000-4000-8000-00${hex}`,
    sequence: 1,
  };
}

/** The n-th machine; ids grow with n, as those of UUIDv7 do. */
export function benchMachine(n: number): Machine {
  const request = benchRequest(n);
  const shown = evidenceOf(request);
  const id = `01900000-0000-7000-8000-00${n.toString(16).padStart(10, '0')}`;
  const resolution = {
    machineId: undefined,
    matchedBy: 'new' as const,
    evidence: ['No known machine has this identity hash or primary MAC.'],
  };
  const machine = newMachine(id, { shown, request, resolution }, new Date('2026-01-01'));
  machine.config.tags = [`rack-${n % 500}`, `site-${n % 7}`];
  return machine;
}
