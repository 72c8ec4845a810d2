// The fields of the search language, and the texts and times of a machine that each looks at. Pure; no schema
// library is loaded, as the page has none.
import { errorOf, stateName } from '../machine-state.ts';
import type { MachineView } from '../api/machines.ts';

/** The part of a machine that searches look at. */
export type Searched = Pick<
  MachineView,
  | 'id'
  | 'identity'
  | 'status'
  | 'hardware'
  | 'config'
  | 'metadata'
  | 'report'
  | 'liveness'
  | 'overdue_workflow'
>;

type Texts = readonly (string | null | undefined)[];

interface TextField {
  readonly says: string;
  /** part: the value occurs in a text. whole: it is one. start: one begins with it. */
  readonly how: 'part' | 'whole' | 'start';
  /** All possible values, where they are known. */
  readonly values?: readonly string[];
  /** True if words without a field look here as well. */
  readonly isPlain?: boolean;
  readonly of: (machine: Searched) => Texts;
}

const states = ['discovered', 'ready', 'provisioning', 'provisioned', 'error', 'offline'];
const livenesses = ['online', 'late', 'gone', 'unheard'];
const kinds = ['virtual', 'physical', 'busy', 'overdue', 'agentless'];

const textFields = {
  name: {
    says: 'host name or memorable name',
    how: 'part',
    isPlain: true,
    of: ({ config, report }) => [config.hostname, report?.hostname, config.memorable_name],
  },
  state: {
    says: 'state',
    how: 'start',
    values: states,
    of: ({ status }) => [stateName(status.state)],
  },
  live: {
    says: 'online, late, gone or unheard',
    how: 'start',
    values: livenesses,
    of: ({ liveness }) => [liveness ?? 'unheard'],
  },
  tag: { says: 'tag', how: 'whole', isPlain: true, of: ({ config }) => config.tags },
  label: {
    says: 'label, as key=value',
    how: 'part',
    isPlain: true,
    of: ({ metadata }) => Object.entries(metadata.labels).map(([key, text]) => `${key}=${text}`),
  },
  template: {
    says: 'assigned template',
    how: 'whole',
    isPlain: true,
    of: ({ config }) => [config.os_choice],
  },
  os: {
    says: 'installed system, or assigned template',
    how: 'part',
    isPlain: true,
    of: ({ config, report }) => [report?.existing_os?.name, config.os_choice],
  },
  address: {
    says: 'IP address',
    how: 'part',
    isPlain: true,
    of: ({ report }) => [report?.ip_address],
  },
  mac: {
    says: 'MAC address, in any spelling',
    how: 'part',
    isPlain: true,
    of: ({ identity, hardware }) => [
      identity.primary_mac,
      ...identity.all_macs,
      ...hardware.network_interfaces.map(({ mac }) => mac),
    ],
  },
  serial: {
    says: 'serial number of the machine, its board, chassis, disks or memory',
    how: 'part',
    isPlain: true,
    of: ({ hardware: { system, board, chassis, disks, dimms = [] } }) => [
      system?.serial,
      board?.serial,
      chassis?.serial,
      ...disks.map(({ serial }) => serial),
      ...dimms.map(({ serial }) => serial),
    ],
  },
  asset: {
    says: 'asset tag',
    how: 'part',
    isPlain: true,
    of: ({ hardware }) => [hardware.system?.asset_tag],
  },
  vendor: {
    says: 'vendor of the machine or its board',
    how: 'part',
    isPlain: true,
    of: ({ hardware: { system, board } }) => [system?.vendor, board?.vendor],
  },
  model: {
    says: 'model of the machine or its board',
    how: 'part',
    isPlain: true,
    of: ({ hardware: { system, board } }) => [
      system?.product,
      system?.version,
      system?.family,
      system?.sku,
      board?.product,
    ],
  },
  cpu: { says: 'CPU', how: 'part', isPlain: true, of: ({ hardware }) => [hardware.cpu_model] },
  gpu: {
    says: 'GPU',
    how: 'part',
    isPlain: true,
    of: ({ hardware }) => (hardware.gpus ?? []).flatMap(({ name, vendor }) => [name, vendor]),
  },
  disk: {
    says: 'model, serial number or WWN of a disk',
    how: 'part',
    isPlain: true,
    of: ({ hardware }) =>
      hardware.disks.flatMap(({ vendor, model, serial, wwn }) => [vendor, model, serial, wwn]),
  },
  memory: {
    says: 'maker or part number of a memory module',
    how: 'part',
    isPlain: true,
    of: ({ hardware }) =>
      (hardware.dimms ?? []).flatMap((dimm) => [dimm.manufacturer, dimm.part_number]),
  },
  firmware: {
    says: 'vendor, version or date of the firmware',
    how: 'part',
    isPlain: true,
    of: ({ hardware }) => Object.values(hardware.firmware ?? {}),
  },
  driver: {
    says: 'driver of a network interface',
    how: 'part',
    isPlain: true,
    of: ({ hardware }) => hardware.network_interfaces.map(({ driver }) => driver),
  },
  switch: {
    says: 'name or id of a switch',
    how: 'part',
    isPlain: true,
    of: ({ hardware }) =>
      hardware.network_interfaces.flatMap(({ neighbour }) => [
        neighbour?.system,
        neighbour?.chassis,
      ]),
  },
  port: {
    says: 'port of a switch',
    how: 'part',
    isPlain: true,
    of: ({ hardware }) => hardware.network_interfaces.map(({ neighbour }) => neighbour?.port),
  },
  bmc: {
    says: 'address or MAC of the BMC',
    how: 'part',
    isPlain: true,
    of: ({ hardware, report, config }) => [
      report?.bmc_address,
      config.bmc?.address,
      hardware.bmc?.address,
      hardware.bmc?.mac,
    ],
  },
  agent: { says: "agent's version", how: 'part', of: ({ report }) => [report?.agent_version] },
  problem: {
    says: 'problem that was reported',
    how: 'part',
    of: ({ report }) =>
      [...(report?.later_problems ?? []), ...(report?.problems ?? [])].flatMap(
        ({ code, section, message }) => [code, section, message],
      ),
  },
  error: {
    says: 'message of a machine in Error',
    how: 'part',
    of: ({ status }) => [errorOf(status.state)],
  },
  id: {
    says: 'id of the record, SMBIOS UUID or machine-id',
    how: 'part',
    isPlain: true,
    of: ({ id, identity }) => [id, identity.smbios_uuid, identity.machine_id],
  },
  is: {
    says: 'virtual, physical, busy (has a workflow), overdue (its system was not heard of) or agentless (so is its own system)',
    how: 'whole',
    values: kinds,
    of: (machine) => [
      machine.hardware.is_virtual ? 'virtual' : 'physical',
      machine.status.current_workflow === null ? null : 'busy',
      machine.overdue_workflow === undefined ? null : 'overdue',
      isAgentless(machine) ? 'agentless' : null,
    ],
  },
} as const satisfies Readonly<Record<string, TextField>>;

/** True for a machine that goes from the netboot image to its own system, from which no agent was heard: its silence
 *  is no news. Agents without boot_id run in an image alone. */
function isAgentless({ report, status }: Searched): boolean {
  // A record of another hand may have null there.
  if ((report ?? undefined) === undefined || status.current_workflow !== null) return false;
  if (report?.in_image !== true && report?.boot_id !== null) return false;
  const state = stateName(status.state);
  const hasFound = report?.tells_os === true && (state === 'Discovered' || state === 'Ready');
  return state === 'Provisioned' || hasFound;
}

const timeFields = {
  added: {
    says: 'how long ago it was first seen: 24h, >7d',
    of: ({ metadata }: Searched) => metadata.created_at,
  },
  changed: {
    says: 'how long ago its record changed: 24h, >7d',
    of: ({ metadata }: Searched) => metadata.updated_at,
  },
  seen: {
    says: 'how long ago it was last heard: 10m, >1h',
    of: ({ status }: Searched) => status.last_seen,
  },
} as const;

export type TextFieldName = keyof typeof textFields;
export type TimeFieldName = keyof typeof timeFields;

export const isTextField = (name: string): name is TextFieldName => Object.hasOwn(textFields, name);
export const isTimeField = (name: string): name is TimeFieldName => Object.hasOwn(timeFields, name);

export const textFieldNames = Object.keys(textFields).filter(isTextField);
export const timeFieldNames = Object.keys(timeFields).filter(isTimeField);

export const textFieldOf = (name: TextFieldName): TextField => textFields[name];

/** Each field with what it finds. */
export const fieldNames: readonly (readonly [name: string, says: string])[] = Object.entries({
  ...textFields,
  ...timeFields,
}).map(([name, { says }]) => [name, says]);

/** The time in a field; NaN where there is none. Units: milliseconds since 1970. */
export function timeOf(name: TimeFieldName, machine: Searched): number {
  return Date.parse(timeFields[name].of(machine) ?? '');
}
