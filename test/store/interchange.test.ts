// Records as a Rust program with the structs of storage-schema.md and serde's defaults writes them,
// byte for byte: read, and written again with nothing but the change.
import { expect, it } from 'vitest';
import { newMachine } from '../../src/server/rules/machine-record.ts';
import { evidenceOf } from '../../src/identity/evidence.ts';
import type { Machine } from '../../src/model/machine.ts';
import type { Versioned } from '../../src/store/store.ts';
import { openedWithKv } from './backends.ts';

const id = '01900000-0000-7000-8000-000000000001';
const hash = '3578bfe71bf6db78d27f42d3d0ba5cf4e0d7a417f1496aba4c975a7064985d91';

/** serde_json::to_string(&machine), in the order of the structs' fields. */
const written =
  `{"id":"${id}",` +
  '"identity":{"primary_mac":"02:00:00:00:00:01","all_macs":["02:00:00:00:00:01","02:00:00:00:00:02"],' +
  '"smbios_uuid":"4c4c4544-0051-3510-8052-b4c04f4a3132","machine_id":"0123456789abcdef0123456789abcdef",' +
  `"identity_hash":"${hash}"},` +
  '"status":{"state":{"Error":{"message":"no disk \\"sda\\""}},"last_seen":"2026-01-02T03:04:05.123456789Z",' +
  '"current_workflow":null,"last_workflow_result":{"Failed":{"error":"timeout","failed_at":"2026-01-02T03:04:05Z"}}},' +
  '"hardware":{"cpu_model":"AMD EPYC 9354P","cpu_cores":32,"memory_bytes":18446744073709551615,' +
  '"disks":[{"device":"/dev/nvme0n1","size_bytes":9007199254740993,"model":null,"serial":"S64HNE0"}],' +
  '"network_interfaces":[{"name":"eth0","mac":"02:00:00:00:00:01","speed_mbps":null}],' +
  '"is_virtual":true,"virt_platform":"kvm"},' +
  '"config":{"hostname":null,"memorable_name":"ElephantArenaPunchOval","os_choice":null,"tags":["rack-1"],' +
  '"bmc":{"address":"192.0.2.9","username":"root","password_encrypted":"x","bmc_type":"Ipmi"}},' +
  '"metadata":{"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z","labels":{"a":"ä"},' +
  '"source":{"Proxmox":{"cluster":"c","node":"n","vmid":101}}}}';

function valueOf(read: Versioned<Machine> | undefined): Machine {
  if (read === undefined) throw new Error('the record was not found');
  return read.value;
}

it('a record that Rust wrote is found, and written back byte for byte', async () => {
  const { store, kv } = await openedWithKv('memory:');
  await kv.commit([], [{ key: `machines/${id}`, value: written }]);
  const read = await store.machines.get(id);
  expect(read?.value.status.state).toEqual({ Error: { message: 'no disk "sda"' } });
  expect(read?.value.metadata.source).toEqual({ Proxmox: { cluster: 'c', node: 'n', vmid: 101 } });
  await store.machines.put(valueOf(read), {
    revision: read?.revision ?? '',
  });
  const [entries] = await kv.read([{ key: `machines/${id}` }]);
  expect(entries?.[0]?.value).toBe(written);
});

it('a change of one field changes those bytes alone', async () => {
  const { store, kv } = await openedWithKv('memory:');
  await kv.commit([], [{ key: `machines/${id}`, value: written }]);
  const machine = valueOf(await store.machines.get(id));
  await store.machines.put({ ...machine, status: { ...machine.status, state: 'Ready' } });
  const [entries] = await kv.read([{ key: `machines/${id}` }]);
  expect(entries?.[0]?.value).toBe(
    written.replace('{"Error":{"message":"no disk \\"sda\\""}}', '"Ready"'),
  );
  expect((await store.machines.listBy('state', 'Ready')).items).toHaveLength(1);
});

it('a record of ours has every field that the structs need, with null for what is not known', () => {
  const shown = evidenceOf({ mac: '02:00:00:00:00:01' });
  const resolution = { machineId: undefined, matchedBy: 'new' as const, evidence: [] };
  const request = { mac: '02:00:00:00:00:01', disks: [{ name: 'sda', size_bytes: 1 }] };
  const sighted = { shown, request, resolution };
  const machine = newMachine(id, sighted, new Date('2026-01-02T03:04:05Z'));
  const { report: _ours, ...schema } = machine;
  // Options that serde would not find are null, Vecs and maps are there, enums are tagged from outside.
  expect(JSON.parse(JSON.stringify(schema))).toEqual({
    id,
    identity: {
      primary_mac: '02:00:00:00:00:01',
      all_macs: ['02:00:00:00:00:01'],
      smbios_uuid: null,
      machine_id: null,
      identity_hash: shown.identityHash,
    },
    status: {
      state: 'Discovered',
      last_seen: '2026-01-02T03:04:05.000Z',
      current_workflow: null,
      last_workflow_result: null,
    },
    hardware: {
      cpu_model: null,
      cpu_cores: null,
      memory_bytes: null,
      disks: [{ device: '/dev/sda', size_bytes: 1, model: null, serial: null }],
      network_interfaces: [],
      is_virtual: false,
      virt_platform: null,
    },
    config: {
      hostname: null,
      memorable_name: machine.config.memorable_name,
      os_choice: null,
      tags: [],
      bmc: null,
    },
    metadata: {
      created_at: '2026-01-02T03:04:05.000Z',
      updated_at: '2026-01-02T03:04:05.000Z',
      labels: {},
      source: 'Agent',
    },
  });
});
