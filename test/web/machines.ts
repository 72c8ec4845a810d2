// Machines as a fleet of agents would have registered them, the same ones each time.
import type { Machine, MachineState } from '../../src/model/machine.ts';
import type { Store } from '../../src/store/store.ts';

const states: readonly MachineState[] = [
  'Discovered',
  'Ready',
  'Provisioned',
  'Provisioned',
  { Error: { message: 'image2disk: the checksum differs' } },
];

const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');

/** The machine of a number: node-1, node-2, … with the MAC and the id of that number. */
export function machine(number: number): Machine {
  const mac = `52:54:00:${hex(number, 6).replace(/(..)(..)(..)/, '$1:$2:$3')}`;
  return {
    id: `01930000-0000-7000-8000-${hex(number, 12)}`,
    identity: {
      primary_mac: mac,
      all_macs: [mac],
      smbios_uuid: `4c4c4544-0000-4000-8000-${hex(number, 12)}`,
      machine_id: null,
      identity_hash: hex(number, 64),
    },
    status: {
      state: states[number % states.length] ?? 'Ready',
      last_seen: '2026-01-01T00:00:00.000Z',
      current_workflow: null,
      last_workflow_result: null,
    },
    hardware: {
      cpu_model: 'AMD EPYC 7543 32-Core Processor',
      cpu_cores: 32,
      cpu_threads: 64,
      memory_bytes: 256 * 2 ** 30,
      disks: [
        {
          device: '/dev/nvme0n1',
          size_bytes: 1_920_383_410_176,
          model: 'NVMe disk',
          serial: `SERIAL${String(number)}`,
        },
      ],
      network_interfaces: [{ name: 'eno1', mac, speed_mbps: 25_000 }],
      is_virtual: false,
      virt_platform: null,
    },
    config: {
      hostname: `node-${String(number)}`,
      memorable_name: `Memorable${String(number)}`,
      os_choice: null,
      tags: [`rack-${String(number % 10)}`],
      bmc: null,
    },
    metadata: {
      created_at: '2026-11-01T00:00:00.000Z',
      updated_at: '2026-11-24T00:00:00.000Z',
      labels: {},
      source: 'Agent',
    },
  };
}

export async function seed(store: Store, count: number): Promise<void> {
  for (let number = 1; number <= count; number += 1) await store.machines.put(machine(number));
}
