// A machine as the types of newer versions of Dragonfly read it: a field that has no default there has to be
// in the document, and a state or a source that they do not know is refused.
import {
  bool,
  defaulted,
  list,
  map,
  oneOf,
  option,
  struct,
  tagged,
  text,
  time,
  u32,
  u64,
  u8,
  uuid,
} from './strict.ts';

const guest = { cluster: text, node: text };
const strings = defaulted(list(text));

export const readMachine = struct({
  id: uuid,
  identity: struct({
    primary_mac: text,
    all_macs: list(text),
    smbios_uuid: option(text),
    machine_id: option(text),
    fs_uuid: option(text),
    identity_hash: text,
  }),
  status: struct({
    state: tagged({
      Discovered: undefined,
      ReadyToInstall: undefined,
      Initializing: undefined,
      Installing: undefined,
      Writing: undefined,
      Installed: undefined,
      ExistingOs: struct({ os_name: text }),
      Failed: struct({ message: text }),
      Offline: undefined,
    }),
    last_seen: option(time),
    current_ip: option(text),
    current_workflow: option(uuid),
    last_workflow_result: option(
      tagged({
        Success: struct({ completed_at: time }),
        Failed: struct({ error: text, failed_at: time }),
      }),
    ),
    uptime_seconds: option(u64),
  }),
  hardware: struct({
    cpu_model: option(text),
    cpu_cores: option(u32),
    cpu_threads: option(u32),
    memory_bytes: option(u64),
    disks: list(
      struct({
        device: text,
        size_bytes: u64,
        model: option(text),
        serial: option(text),
        disk_type: option(text),
        wearout: option(u32),
        health: option(text),
      }),
    ),
    gpus: defaulted(list(struct({ name: text, vendor: option(text), vram_bytes: option(u64) }))),
    network_interfaces: list(
      struct({
        name: text,
        mac: text,
        speed_mbps: option(u32),
        interface_type: defaulted(oneOf('ether', 'bond', 'bridge', 'unknown')),
        members: strings,
        ip_address: option(text),
        active: option(bool),
        bond_mode: option(text),
        mtu: option(u32),
      }),
    ),
    is_virtual: bool,
    virt_platform: option(text),
  }),
  config: struct({
    hostname: option(text),
    reported_hostname: option(text),
    memorable_name: text,
    os_choice: option(text),
    os_installed: option(text),
    reimage_requested: defaulted(bool),
    tags: list(text),
    bmc: option(
      struct({
        address: text,
        username: text,
        password_encrypted: text,
        bmc_type: oneOf('Ipmi', 'Redfish', 'ProxmoxApi'),
      }),
    ),
    installation_progress: u8,
    installation_step: option(text),
    netboot: struct({ allow_pxe: bool, allow_workflow: bool }),
    nameservers: strings,
    reported_nameservers: strings,
    domain: option(text),
    network_id: option(uuid),
    primary_interface: option(text),
    pending_apply: defaulted(bool),
    pending_fields: strings,
  }),
  metadata: struct({
    created_at: time,
    updated_at: time,
    labels: map(text),
    source: tagged({
      Agent: undefined,
      Proxmox: struct({ ...guest, vmid: u32 }),
      ProxmoxLxc: struct({ ...guest, ctid: u32 }),
      ProxmoxNode: struct(guest),
      Manual: undefined,
    }),
  }),
});
