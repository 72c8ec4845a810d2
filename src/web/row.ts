// What the list keeps of each machine: small, ready to show, search and sort. Pure; no DOM.
import type { Machine, MachineStateName } from '../model/machine.ts';
import { hardwareLine } from './format.ts';

/** How alive a machine is; "unheard" while the server cannot tell. */
export type Liveness = 'online' | 'late' | 'gone' | 'unheard';

export interface Row {
  readonly id: string;
  /** The hostname an operator gave, or else the memorable name. */
  readonly name: string;
  readonly memorableName: string;
  readonly state: MachineStateName;
  readonly errorMessage: string | undefined;
  readonly liveness: Liveness;
  readonly hardware: string;
  readonly address: string;
  readonly mac: string;
  readonly tags: readonly string[];
  readonly template: string | null;
  readonly lastSeenMs: number | undefined;
  /** Everything that plain text searches, in lower case. */
  readonly searchText: string;
}

/** A machine as the API shows it: the record, with what the server knows beside it. */
export type ShownMachine = Machine & {
  readonly liveness?: Exclude<Liveness, 'unheard'> | null;
};

export function toRow(machine: ShownMachine): Row {
  const { id, identity, status, hardware, config } = machine;
  const name = config.hostname ?? config.memorable_name;
  const line = hardwareLine(hardware);
  const address = machine.report?.ip_address ?? '';
  return {
    id,
    name,
    memorableName: config.memorable_name,
    state: typeof status.state === 'string' ? status.state : 'Error',
    errorMessage: typeof status.state === 'string' ? undefined : status.state.Error.message,
    liveness: machine.liveness ?? 'unheard',
    hardware: line,
    address,
    mac: identity.primary_mac,
    tags: config.tags,
    template: config.os_choice,
    lastSeenMs: status.last_seen === null ? undefined : Date.parse(status.last_seen),
    searchText: [
      name,
      config.memorable_name,
      config.os_choice ?? '',
      id,
      address,
      identity.smbios_uuid ?? '',
      line,
      ...identity.all_macs,
      ...config.tags,
      ...hardware.disks.map((disk) => disk.serial ?? ''),
    ]
      .join('\n')
      .toLowerCase(),
  };
}
