// Machine documents as Dragonfly's serde writes them, byte for byte, with every field full, minimal and at
// its limit; made up, with the fields and spellings of its structs.

export const ids = {
  full: '01900000-0000-7000-8000-000000000001',
  minimal: '01900000-0000-7000-8000-000000000002',
  newer: '01900000-0000-7000-8000-000000000003',
};

const u64Max = '18446744073709551615';

/** Every field at its limit, times with nanoseconds, a system of Proxmox. */
export const full =
  `{"id":"${ids.full}",` +
  '"identity":{"primary_mac":"02:00:00:00:00:01","all_macs":["02:00:00:00:00:01","02:00:00:00:00:02"],' +
  '"smbios_uuid":"4c4c4544-0051-3510-8052-b4c04f4a3132","machine_id":"0123456789abcdef0123456789abcdef",' +
  '"identity_hash":"3578bfe71bf6db78d27f42d3d0ba5cf4e0d7a417f1496aba4c975a7064985d91"},' +
  '"status":{"state":{"Error":{"message":"no disk \\"sda\\""}},"last_seen":"2026-01-02T03:04:05.123456789Z",' +
  '"current_workflow":null,"last_workflow_result":{"Failed":{"error":"timeout","failed_at":"2026-01-02T03:04:05Z"}}},' +
  `"hardware":{"cpu_model":"AMD EPYC 9354P","cpu_cores":4294967295,"memory_bytes":${u64Max},` +
  '"disks":[{"device":"/dev/nvme0n1","size_bytes":9007199254740993,"model":null,"serial":"S64HNE0"},' +
  `{"device":"/dev/nvme1n1","size_bytes":${u64Max},"model":"PM9A3","serial":null}],` +
  '"network_interfaces":[{"name":"eth1","mac":"02:00:00:00:00:02","speed_mbps":4294967295}],' +
  '"is_virtual":true,"virt_platform":"kvm"},' +
  '"config":{"hostname":"node-1","memorable_name":"ElephantArenaPunchOval","os_choice":null,"tags":["rack-1"],' +
  '"bmc":{"address":"192.0.2.9","username":"root","password_encrypted":"x","bmc_type":"ProxmoxApi"},' +
  '"installation_progress":255,"netboot":{"allow_pxe":false,"allow_workflow":true,"dhcp_ip":"192.0.2.7"}},' +
  '"metadata":{"created_at":"2026-01-02T03:04:05.000000001Z","updated_at":"2026-01-02T03:04:05Z","labels":{"a":"ä"},' +
  '"source":{"Proxmox":{"cluster":"c","node":"n","vmid":4294967295}}}}';

/** The fields of a machine that nobody touched: every Option null. */
export const minimal =
  `{"id":"${ids.minimal}",` +
  '"identity":{"primary_mac":"02:00:00:00:00:03","all_macs":["02:00:00:00:00:03"],' +
  '"smbios_uuid":null,"machine_id":null,' +
  '"identity_hash":"fd50b9b24d1ac2f1b2e1b6b6ff0f0d2c5c8ab1b6f9a0c8de5fdfb5fdf0f1f0a1"},' +
  '"status":{"state":"Discovered","last_seen":null,"current_workflow":null,"last_workflow_result":null},' +
  '"hardware":{"cpu_model":null,"cpu_cores":null,"memory_bytes":null,"disks":[],"network_interfaces":[],' +
  '"is_virtual":false,"virt_platform":null},' +
  '"config":{"hostname":null,"memorable_name":"A","os_choice":null,"tags":[],"bmc":null},' +
  '"metadata":{"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z","labels":{},"source":"Manual"}}';

/** A record of a newer version in this state. */
export function newer(state: string): string {
  return minimal
    .replace(ids.minimal, ids.newer)
    .replaceAll('02:00:00:00:00:03', '02:00:00:00:00:04')
    .replace('"Discovered"', state)
    .replace('"source":"Manual"', '"source":{"ProxmoxLxc":{"cluster":"c","node":"n","vmid":7}}')
    .replace('"bmc":null', '"bmc":null,"unheard_of":{"count":9007199254740993}');
}

/** A template and a workflow as its store has them. */
export const template =
  '{"apiVersion":"dragonfly.computer/v1","kind":"Template","metadata":{"name":"debian-13"},' +
  '"spec":{"timeout":9800,"actions":[{"action":"image2disk","url":"http://images/debian.raw","disk":"auto"},{"action":"kexec"}]}}';

export function workflow(id: string, state: string): string {
  return (
    `{"apiVersion":"dragonfly.computer/v1","kind":"Workflow","metadata":{"name":"${id}"},` +
    `"spec":{"hardwareRef":"${ids.full}","templateRef":"debian-13"},` +
    `"status":{"state":"${state}","progress":0}}`
  );
}
