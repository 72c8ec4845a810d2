// `dragonfly inventory ansible`: the machines as Ansible's inventory, grouped by tag, state and model.
import { createHash } from 'node:crypto';
import type { Client } from '../../../client/client.ts';
import { stateName } from '../../../model/machine.ts';
import type { MachineView } from '../../../model/api/machines.ts';
import { quoted } from '../../../model/search/query.ts';
import { command } from '../../command.ts';
import { toJson } from '../../formats.ts';
import { connectionOptions, withClient } from '../connection/connection.ts';
import { machineNamed, titleOf } from './selection.ts';

interface Group {
  hosts: string[];
}

const ansible = command({
  name: 'inventory ansible',
  describe: "print Ansible's dynamic inventory: groups by tag, state and model",
  examples: ['inventory ansible --list', 'inventory ansible --host node-7'],
  options: {
    list: { type: 'boolean', describe: 'all machines (the default)' },
    host: { type: 'string', value: 'NAME', describe: 'the variables of one machine' },
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const answer =
        args.host === undefined
          ? inventoryOf(await client.machines.list().toArray())
          : variablesOf(await machineOf(client, args.host));
      io.print(toJson(answer));
      return 0;
    }),
});

export const inventoryCommands = [ansible];

/** Source: Ansible, "Developing dynamic inventory": `_meta.hostvars` saves a call for each host. */
function inventoryOf(machines: readonly MachineView[]): Record<string, unknown> {
  const groups = new Map<string, Group>();
  const hostvars: Record<string, unknown> = {};
  for (const [host, machine] of hostsOf(machines)) {
    hostvars[host] = variablesOf(machine);
    for (const name of ['dragonfly', ...groupsOf(machine)]) {
      const group = groups.get(name) ?? { hosts: [] };
      group.hosts.push(host);
      groups.set(name, group);
    }
  }
  return { _meta: { hostvars }, ...Object.fromEntries(groups) };
}

/** Machines by their host names; of several that have one each has a part of its own behind it. */
function hostsOf(machines: readonly MachineView[]): Map<string, MachineView> {
  const counts = new Map<string, number>();
  for (const title of machines.map(titleOf)) counts.set(title, (counts.get(title) ?? 0) + 1);
  const hosts = new Map<string, MachineView>();
  for (const machine of machines) {
    const title = titleOf(machine);
    hosts.set(counts.get(title) === 1 ? title : `${title}-${ownPart(machine)}`, machine);
  }
  return hosts;
}

const ownPart = ({ id }: MachineView): string =>
  createHash('sha256').update(id).digest('hex').slice(0, 8);

/** The machine of a host, named as in the list. Errors: those of `machineNamed`. */
async function machineOf(client: Client, host: string): Promise<MachineView> {
  const [, title, part] = /^(.+)-([0-9a-f]{8})$/.exec(host) ?? [];
  if (title !== undefined) {
    const similar = await client.machines.list({ q: quoted(title) }).toArray();
    const found = similar.find((one) => titleOf(one) === title && ownPart(one) === part);
    if (found !== undefined) return found;
  }
  return machineNamed(client, host);
}

function groupsOf({ config, status, hardware }: MachineView): string[] {
  const model = hardware.system?.product ?? undefined;
  return [
    `state_${groupName(stateName(status.state))}`,
    ...config.tags.map((tag) => `tag_${groupName(tag)}`),
    ...(model === undefined ? [] : [`model_${groupName(model)}`]),
  ];
}

/** Ansible takes letters, digits and underscores. */
function groupName(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9_]+/g, '_');
}

function variablesOf(machine: MachineView): Record<string, unknown> {
  const { id, config, report, identity, status, metadata, hardware } = machine;
  const address = report?.ip_address ?? undefined;
  return {
    ...(address === undefined ? {} : { ansible_host: address }),
    dragonfly_id: id,
    dragonfly_name: config.memorable_name,
    dragonfly_state: stateName(status.state),
    dragonfly_mac: identity.primary_mac,
    dragonfly_serial: hardware.system?.serial ?? null,
    dragonfly_template: config.os_choice,
    dragonfly_tags: config.tags,
    dragonfly_labels: metadata.labels,
  };
}
