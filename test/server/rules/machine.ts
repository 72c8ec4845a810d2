// A machine record as a first check-in with nothing but a MAC leaves it, and a report that tells nothing.
import type { AgentReport, Machine } from '../../../src/model/machine.ts';

export function newMachine(): Machine {
  const at = '2026-01-01T00:00:00.000Z';
  return {
    id: '01930000-0000-7000-8000-000000000001',
    identity: {
      primary_mac: '02:00:00:00:00:07',
      all_macs: ['02:00:00:00:00:07'],
      smbios_uuid: null,
      machine_id: null,
      identity_hash: 'f'.repeat(64),
    },
    status: {
      state: 'Discovered',
      last_seen: at,
      current_workflow: null,
      last_workflow_result: null,
    },
    hardware: {
      cpu_model: null,
      cpu_cores: null,
      memory_bytes: null,
      disks: [],
      network_interfaces: [],
      is_virtual: false,
      virt_platform: null,
    },
    config: {
      hostname: null,
      memorable_name: 'CoolAbandonAbandonAbility',
      os_choice: null,
      tags: [],
      bmc: null,
    },
    metadata: { created_at: at, updated_at: at, labels: {}, source: 'Agent' },
  };
}

export const emptyReport: AgentReport = {
  at: '2026-01-01T00:00:00.000Z',
  hostname: null,
  ip_address: null,
  bmc_address: null,
  existing_os: null,
  nameservers: [],
  boot_id: 'a',
  agent_version: null,
  matched_by: 'new',
  evidence: [],
  problems: [],
};
