// `dragonfly machines add`, `tag`, `assign` and the like: changes what an operator decides about machines.
import { AppError } from '../../../core/errors.ts';
import type { MachinePatch } from '../../../model/api/machines.ts';
import type { BulkChange } from '../../../model/api/bulk.ts';
import { tagsOf } from '../../../model/text/tags-text.ts';
import { command, type Io } from '../../command.ts';
import { confirm } from '../confirm.ts';
import { connectionOptions, withClient, type ConnectionArgs } from '../connection/connection.ts';
import {
  machineNamed,
  oneMachine,
  selected,
  selectionOptions,
  someMachines,
  titleOf,
  type SelectionArgs,
} from './selection.ts';
import { printable } from '../../text/table.ts';

const add = command({
  name: 'machines add',
  describe: 'enter a machine that has not booted yet',
  examples: ['machines add 02:00:00:00:00:01 --name node-7 --tag rack-7 --template debian-cloud'],
  positionals: { mac: { describe: 'its primary MAC' } },
  options: {
    name: { type: 'string', value: 'HOSTNAME', describe: 'its host name' },
    tag: {
      type: 'string',
      short: 'l',
      value: 'TAG,…',
      describe: 'its tags, with commas; in double quotes those that have one',
    },
    template: {
      type: 'string',
      value: 'NAME',
      names: 'templates',
      describe: 'what is to be installed on it',
    },
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const { value } = await client.machines.create({
        mac: args.mac,
        ...(args.name === undefined ? {} : { name: args.name }),
        ...(args.tag === undefined ? {} : { tags: tagsOf(args.tag) }),
        ...(args.template === undefined ? {} : { os_choice: args.template }),
      });
      io.print(`${titleOf(value)} is expected (${value.id})\n`);
      return 0;
    }),
});

const changing = {
  'dry-run': { type: 'boolean', describe: 'only say which machines would be changed' },
  ...selectionOptions,
  ...connectionOptions,
} as const;

const tag = command({
  name: 'machines tag',
  describe: 'put a tag on machines',
  examples: ['machines tag rack-7 node-7 node-8', 'machines tag spare -q model:R650'],
  positionals: { new: { names: 'tags', describe: 'the tag' }, ...someMachines },
  options: changing,
  run: (args, io) => changeAll(args, io, { add_tags: [args.new] }, `tagged ${args.new}`),
});

const untag = command({
  name: 'machines untag',
  describe: 'take a tag off machines',
  examples: ['machines untag spare -l rack-7'],
  positionals: { old: { names: 'tags', describe: 'the tag' }, ...someMachines },
  options: changing,
  run: (args, io) =>
    changeAll(args, io, { remove_tags: [args.old] }, `no longer tagged ${args.old}`),
});

const assign = command({
  name: 'machines assign',
  describe: 'choose what is to be installed on machines ("none": nothing)',
  examples: ['machines assign debian-cloud node-7', 'machines assign none -l rack-7'],
  positionals: {
    template: { names: 'templates', describe: 'the name of a template, or none' },
    ...someMachines,
  },
  options: changing,
  run(args, io) {
    const os_choice = args.template === 'none' ? null : args.template;
    return changeAll(args, io, { os_choice }, `assigned ${args.template}`);
  },
});

const offline = command({
  name: 'machines offline',
  describe: 'set machines aside: they boot their own disks and run nothing',
  examples: ['machines offline node-7'],
  positionals: someMachines,
  options: changing,
  run: (args, io) => changeAll(args, io, { offline: true }, 'offline'),
});

const online = command({
  name: 'machines online',
  describe: 'bring machines back that were set aside',
  examples: ['machines online node-7'],
  positionals: someMachines,
  options: changing,
  run: (args, io) => changeAll(args, io, { offline: false }, 'back'),
});

const forget = command({
  name: 'machines forget',
  describe: 'forget machines: one that comes back is registered as a new one',
  examples: ['machines forget node-7', 'machines forget -l scrapped --dry-run'],
  positionals: someMachines,
  options: { ...changing, yes: { type: 'boolean', short: 'y', describe: 'do not ask' } },
  run: (args, io) => changeAll(args, io, { delete: true }, 'forgotten', !args.yes),
});

const label = command({
  name: 'machines label',
  describe: 'set labels of a machine (KEY=VALUE) and remove them (KEY-)',
  examples: ['machines label node-7 owner=storage rack-'],
  positionals: { ...oneMachine, labels: { describe: 'KEY=VALUE or KEY-', isMany: true } },
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const { id } = await machineNamed(client, args.machine);
      const { value, etag } = await client.machines.get(id);
      const labels = labelsAfter(value.metadata.labels, args.labels);
      const patch: MachinePatch = { labels };
      await client.machines.patch(id, patch, { ifMatch: etag });
      io.print(`${titleOf(value)} labelled\n`);
      return 0;
    }),
});

export const changeCommands = [add, tag, untag, label, assign, offline, online, forget];

/** Exit code 1: some were not changed. */
async function changeAll(
  args: SelectionArgs & ConnectionArgs & { readonly 'dry-run': boolean },
  io: Io,
  change: BulkChange,
  done: string,
  asksFirst = false,
): Promise<number> {
  return withClient(args, io, async (client) => {
    const machines = await selected(client, args);
    const names = new Map(machines.map((machine) => [machine.id, titleOf(machine)]));
    if (args['dry-run']) {
      for (const name of names.values()) io.print(`${name} would be ${done}\n`);
      return 0;
    }
    if (asksFirst) await confirm(io, [...names.values()], done);
    const { failed } = await client.machines.changeMany([...names.keys()], change);
    const failures = new Map(failed.map(({ machine_id, failure }) => [machine_id, failure]));
    for (const [id, name] of names) {
      const failure = failures.get(id);
      if (failure === undefined) io.print(`${name} ${done}\n`);
      else io.stderr.write(`${name}: ${printable(`${failure.error} [${failure.code}]`)}\n`);
    }
    return failed.length === 0 ? 0 : 1;
  });
}

function labelsAfter(
  before: Readonly<Record<string, string>>,
  changes: readonly string[],
): Record<string, string> {
  const labels = new Map(Object.entries(before));
  for (const change of changes) {
    const at = change.indexOf('=');
    if (at > 0) labels.set(change.slice(0, at), change.slice(at + 1));
    else if (at < 0 && change.endsWith('-')) labels.delete(change.slice(0, -1));
    else throw new AppError('usage.invalid', `"${change}" is not a label: write KEY=VALUE or KEY-`);
  }
  return Object.fromEntries(labels);
}
