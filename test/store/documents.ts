// Documents that the store's tests write.
import { computeIdentityHash } from '../../src/identity/hash.ts';
import type { Machine, MachineIdentity } from '../../src/model/machine.ts';
import type { Template } from '../../src/model/documents/template.ts';
import type { Workflow } from '../../src/model/documents/workflow.ts';
import type { Store } from '../../src/store/store.ts';

/** An id that is the n-th in UUIDv7 order. */
export function id(n: number): string {
  return `01900000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function machine(n: number, identity: Partial<MachineIdentity> = {}): Machine {
  const mac = `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`;
  return {
    id: id(n),
    identity: {
      primary_mac: mac,
      all_macs: [mac],
      smbios_uuid: null,
      machine_id: null,
      identity_hash: computeIdentityHash([mac], null, null),
      ...identity,
    },
    status: {
      state: 'Discovered',
      last_seen: null,
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
    config: { hostname: null, memorable_name: 'Name', os_choice: null, tags: [], bmc: null },
    metadata: {
      created_at: '2026-01-02T03:04:05Z',
      updated_at: '2026-01-02T03:04:05Z',
      labels: {},
      source: 'Agent',
    },
  };
}

export function template(name: string): Template {
  return {
    apiVersion: 'dragonfly.computer/v1',
    kind: 'Template',
    metadata: { name },
    spec: { actions: [{ action: 'reboot' }] },
  };
}

export function workflow(n: number, hardwareRef: string): Workflow {
  return {
    kind: 'Workflow',
    metadata: { name: id(n) },
    spec: { hardwareRef, templateRef: 'debian' },
  };
}

export async function put(store: Store, document: Machine): Promise<Machine> {
  await store.machines.put(document);
  return document;
}
