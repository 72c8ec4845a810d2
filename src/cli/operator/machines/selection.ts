// The machines that a command is about: named one by one, or by a tag and a search.
import type { Client } from '../../../client/client.ts';
import { AppError } from '../../../core/errors.ts';
import { normalizeMac } from '../../../identity/macs.ts';
import type { MachineView } from '../../../model/api/machines.ts';
import { printable } from '../../text/table.ts';
import { quoted } from '../../../model/search/query.ts';

/** The arguments of a command about machines that are named, or chosen by `selectionOptions`. */
export const someMachines = {
  machines: {
    names: 'machines',
    describe: 'id, name, host name, MAC, serial number or asset tag',
    isMany: true,
    isOptional: true,
  },
} as const;

/** The argument of a command about one machine. */
export const oneMachine = {
  machine: { names: 'machines', describe: 'id, name, host name, MAC, serial or asset tag' },
} as const;

export const selectionOptions = {
  tag: {
    type: 'string',
    short: 'l',
    value: 'TAG',
    names: 'tags',
    describe: 'the machines with this tag',
  },
  query: {
    type: 'string',
    short: 'q',
    value: 'SEARCH',
    describe: 'the machines that a search finds, as in the page: "model:R650 -tag:spare"',
  },
} as const;

export interface SelectionArgs {
  readonly machines: readonly string[];
  readonly tag: string | undefined;
  readonly query: string | undefined;
}

/** Machines are named by id, memorable name, host name, MAC, serial number or asset tag.
 *  Errors: AppError `usage.invalid` without any, and for a search that is blank; `machine.unknown`; `request.invalid` for a name that several
 *  have. */
export async function selected(client: Client, args: SelectionArgs): Promise<MachineView[]> {
  const { machines: names, tag, query } = args;
  if (names.length > 0) {
    if (tag !== undefined || query !== undefined) {
      throw new AppError('usage.invalid', 'name machines, or choose them by -l and -q, not both');
    }
    const found = await Promise.all(names.map((name) => machineNamed(client, name)));
    return [...new Map(found.map((machine) => [machine.id, machine])).values()];
  }
  if (query?.trim() === '') {
    throw new AppError('usage.invalid', '-q has no words, and would choose every machine');
  }
  if (tag === undefined && query === undefined) {
    throw new AppError('usage.invalid', 'name a machine, or choose some by -l TAG or -q SEARCH');
  }
  const filter = {
    ...(tag === undefined ? {} : { tag }),
    ...(query === undefined ? {} : { q: query }),
  };
  const found = await client.machines.list(filter).toArray();
  if (found.length === 0) {
    const wanted = [
      ...(tag === undefined ? [] : [`has the tag ${tag}`]),
      ...(query === undefined ? [] : [`is found by "${query}"`]),
    ];
    throw new AppError('machine.unknown', `no machine ${wanted.join(' and ')}`);
  }
  return found;
}

/** Errors: AppError `machine.unknown`; `request.invalid` for a name that several have. */
export async function machineNamed(client: Client, name: string): Promise<MachineView> {
  if (name === '') throw new AppError('machine.unknown', 'no machine is called ""');
  if (isId(name)) {
    return (await client.machines.get(name.toLowerCase())).value;
  }
  const mac = normalizeMac(name);
  const similar = await client.machines.list({ q: quoted(mac ?? name) }).toArray();
  const exact = similar.filter((machine) => namesOf(machine).has(mac ?? name.toLowerCase()));
  const [machine, another] = exact;
  if (machine !== undefined && another === undefined) return machine;
  if (machine === undefined) {
    const near = similar.slice(0, 5).map(titleOf).join(', ');
    throw new AppError(
      'machine.unknown',
      `no machine is called ${name}${near === '' ? '' : `; similar: ${near}`}`,
    );
  }
  const ids = exact.map(({ id }) => id).join(', ');
  throw new AppError('request.invalid', `${exact.length} machines are called ${name}: ${ids}`);
}

function isId(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** The names of machines by their ids, of those that the server shows. */
export async function titlesOf(
  client: Client,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = await client.machines.some([...new Set(ids.filter(isId))]);
  return new Map(found.map((machine) => [machine.id, titleOf(machine)]));
}

/** The name under which people know a machine, as a terminal may show it. */
export function titleOf({ config }: MachineView): string {
  return printable(config.hostname ?? config.memorable_name);
}

function namesOf({ id, config, report, identity, hardware }: MachineView): Set<string> {
  const names = [
    id,
    config.hostname,
    config.memorable_name,
    report?.hostname,
    hardware.system?.serial,
    hardware.system?.asset_tag,
    hardware.chassis?.serial,
    identity.primary_mac,
    ...identity.all_macs,
  ];
  return new Set(names.flatMap((name) => (name ? [name.toLowerCase()] : [])));
}
