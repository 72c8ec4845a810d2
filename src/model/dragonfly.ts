// Machines in the words of newer versions of Dragonfly, which refuse a record without the fields that they
// added to the schema.
import { errorOf } from './machine-state.ts';
import type { BmcConfig, Machine, MachineState } from './machine.ts';

/** The fields that those versions add, as they fill them for a machine without any settings. */
const added = {
  installation_progress: 0,
  netboot: { allow_pxe: true, allow_workflow: true, dhcp_ip: null },
};

/** The states that those versions have under another name. */
const renamed: ReadonlyMap<MachineState, MachineState> = new Map([
  ['Ready', 'ReadyToInstall'],
  ['Provisioning', 'Installing'],
  ['Provisioned', 'Installed'],
]);

/** A machine with every field that Dragonfly's types need, those that came from there unchanged. Its
 *  network_interfaces are those beyond the primary port, as the schema has it: the record keeps that one too,
 *  since its name, speed and driver have no other place. A BMC's password, where it is not shown, is empty. */
export function inDragonflysDialect<
  M extends Pick<Machine, 'identity' | 'hardware' | 'status'> & Config,
>(machine: M): M {
  const { identity, hardware, config, status } = machine;
  const { bmc } = config;
  const ports = hardware.network_interfaces.filter(({ mac }) => mac !== identity.primary_mac);
  return {
    ...machine,
    status: { ...status, state: stateThere(status.state) },
    hardware: { ...hardware, network_interfaces: ports },
    config: {
      ...config,
      ...Object.fromEntries(Object.entries(added).filter(([name]) => !(name in config))),
      bmc: bmc === null ? null : { ...bmc, password_encrypted: bmc.password_encrypted ?? '' },
    },
  };
}

/** The state in Dragonfly's words. One that is not of this server came from there, and stays as it is. */
function stateThere(state: MachineState): MachineState {
  const isOwnError = typeof state === 'object' && state !== null && 'Error' in state;
  if (isOwnError) return { Failed: { message: errorOf(state) ?? '' } };
  return renamed.get(state) ?? state;
}

/** A record's configuration, or what is shown of it. */
interface Config {
  readonly config: Omit<Machine['config'], 'bmc'> & {
    readonly bmc: (Omit<BmcConfig, 'password_encrypted'> & Partial<BmcConfig>) | null;
  };
}
