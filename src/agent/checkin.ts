// Turns an inventory into a check-in request, with the wire's names and limits.
import { AppError } from '../core/errors.ts';
import { withoutLogSecrets } from '../core/text/credentials.ts';
import type { DiskContents } from '../model/hardware/contents.ts';
import type { CheckinHardware, CheckinRequest } from '../model/api/agent.ts';
import type { CheckinDisk, Disk } from '../model/hardware/disk.ts';
import type { Inventory } from '../model/inventory.ts';
import type { FixedAddress } from '../model/network-setup.ts';
import type { RemoteShell } from '../model/remote-shell.ts';
import { fit, told, type Every } from '../model/api/wire.ts';

/** The parts of a check-in that are not inventory. */
export interface CheckinContext {
  readonly agentVersion: string;
  readonly ipAddress?: string | undefined;
  /** Undefined when they could not be read. */
  readonly nameservers?: readonly string[] | undefined;
  /** The address that the netboot image was given instead of DHCP. */
  readonly fixedAddress?: FixedAddress | undefined;
  /** The agent runs in the netboot image, not on a disk. */
  readonly inImage?: boolean | undefined;
  /** The agent writes files below a folder of its own, and does nothing else. */
  readonly isConfined?: boolean | undefined;
  /** The SSH server of the netboot image, while it is open. */
  readonly remoteShell?: RemoteShell | undefined;
}

/** Omits whatever was not looked for or could not be read. An empty list, or `existing_os: null`, means none,
 *  and a server then forgets what it knew.
 *  Source: wire-protocol.md, stock-agent.md. Errors: AppError `identity.no-mac`. */
export function checkinRequest(inventory: Inventory, context: CheckinContext): CheckinRequest {
  const { identity, hardware, problems } = inventory;
  if (identity.primary_mac === null) {
    throw new AppError(
      'identity.no-mac',
      'cannot check in: no physical network interface with a MAC address was found; run dragonfly-agent doctor',
    );
  }
  return fit({
    mac: identity.primary_mac,
    ...told({
      // If not all ports are known, neither are all MACs: the server keeps those it knows.
      ...(hardware.network_interfaces && {
        all_macs: identity.all_macs,
        // A server of version 0.1.0 would hash the addresses that identify nothing.
        ...(identity.all_macs.length > 0 && { identity_hash: identity.identity_hash }),
      }),
      smbios_uuid: identity.smbios_uuid,
      machine_id: identity.machine_id,
      hostname: hardware.hostname,
      ip_address: context.ipAddress,
      bmc_address: hardware.bmc?.address,
      disks: hardware.disks && wireDisks(hardware.disks),
      interfaces: hardware.network_interfaces,
      nameservers: context.nameservers && [...context.nameservers],
    }),
    ...told({
      cpu_model: hardware.cpu_model,
      cpu_cores: hardware.cpu_cores,
      cpu_threads: hardware.cpu_threads,
      memory_bytes: hardware.memory_bytes,
      cpu_sockets: hardware.cpu_sockets,
      memory_slots: hardware.memory_slots,
      memory_max_bytes: hardware.memory_max_bytes,
      memory_error_correction: hardware.memory_error_correction,
      dimms: hardware.dimms,
      system: hardware.system ?? undefined,
      board: hardware.board ?? undefined,
      chassis: hardware.chassis ?? undefined,
      firmware: hardware.firmware ?? undefined,
      tpm: hardware.tpm ?? undefined,
      bmc: hardware.bmc ?? undefined,
      boot: hardware.boot ?? undefined,
      gpus: hardware.gpus,
      is_virtual: hardware.is_virtual,
      virt_platform: hardware.virt_platform,
    } satisfies Every<CheckinHardware>),
    ...(hardware.existing_os === undefined ? {} : { existing_os: hardware.existing_os }),
    agent_version: context.agentVersion,
    ...(context.fixedAddress === undefined ? {} : { fixed_address: context.fixedAddress }),
    ...(context.inImage === undefined ? {} : { in_image: context.inImage }),
    ...(context.isConfined === true ? { is_confined: true } : {}),
    ...(context.remoteShell === undefined ? {} : { remote_shell: context.remoteShell }),
    problems: problems.map(({ message, ...problem }) => ({
      ...problem,
      message: withoutLogSecrets(message),
    })),
  });
}

/** The most findings in one check-in: with hundreds of disks, a few for each are enough to show that it holds
 *  data. */
const maxContents = 256;

function wireDisks(disks: readonly Disk[]): CheckinDisk[] {
  const each = Math.max(1, Math.floor(maxContents / Math.max(1, disks.length)));
  return disks.map(({ device, contents, ...disk }) => ({
    ...disk,
    ...(contents && { contents: contents.toSorted(byReach).slice(0, each) }),
    name: device.replace(/^\/dev\//, ''),
  }));
}

/** Puts data that spans other disks first, because the server refuses to break it. */
function byReach(a: DiskContents, b: DiskContents): number {
  return Number(b.group !== undefined) - Number(a.group !== undefined);
}
