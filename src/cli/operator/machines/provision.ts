// `dragonfly machines provision` and `cancel`: shows what would be overwritten, asks, queues the workflows and
// follows them.
import type { Client } from '../../../client/client.ts';
import { describeError, isAppError } from '../../../core/errors.ts';
import type { Plan } from '../../../model/documents/plan.ts';
import type { PlannedDisk } from '../../../model/documents/planned-disk.ts';
import type { MachineView } from '../../../model/api/machines.ts';
import type { PlanAnswer } from '../../../model/api/workflows.ts';
import { command, type Io } from '../../command.ts';
import { connectionOptions, withClient } from '../connection/connection.ts';
import { confirm } from '../confirm.ts';
import { selected, selectionOptions, someMachines, titleOf } from './selection.ts';
import { waitFor, waitOptions } from '../wait.ts';
import { printable } from '../../text/table.ts';

/** Exit code 1: a machine was refused, or its workflow failed. */
const provision = command({
  name: 'machines provision',
  describe: 'install machines: prints the plan of each, asks, and queues the workflows',
  examples: [
    'machines provision node-7 --template debian-cloud --wait',
    'machines provision -l rack-7 --dry-run',
  ],
  positionals: someMachines,
  options: {
    template: {
      type: 'string',
      value: 'NAME',
      names: 'templates',
      describe: 'the template (default: the assigned one)',
    },
    reimage: { type: 'boolean', describe: 'what is on the planned disks may be overwritten' },
    confirmed: {
      type: 'boolean',
      describe: "the machines' agents are known not to compare their disks with the plan",
    },
    retry: { type: 'boolean', describe: 'run again automatically if the machine is reset' },
    'dry-run': { type: 'boolean', describe: 'only print the plans' },
    yes: { type: 'boolean', short: 'y', describe: 'do not ask' },
    ...waitOptions,
    ...selectionOptions,
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const chosen = await selected(client, args);
      const planned = await planAll(client, chosen, args, io);
      const refused = chosen.length - planned.length;
      if (args['dry-run'] || planned.length === 0) return refused === 0 ? 0 : 1;
      if (!args.yes)
        await confirm(
          io,
          planned.map(({ machine }) => titleOf(machine)),
          'installed',
        );
      const queued = await queueAll(client, planned, args, io);
      const all = queued.length === planned.length && refused === 0;
      if (!args.wait) return all ? 0 : 1;
      const ended = await waitFor(client, queued, args.timeout, io);
      return all && ended ? 0 : 1;
    }),
});

const cancel = command({
  name: 'machines cancel',
  describe: 'cancel the active workflows of machines',
  examples: ['machines cancel node-7', 'machines cancel -l rack-7'],
  positionals: someMachines,
  options: { ...selectionOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      let failures = 0;
      for (const machine of await selected(client, args)) {
        const id = machine.status.current_workflow;
        if (id === null) io.print(`${titleOf(machine)} has no active workflow\n`);
        else if (await tell(io, machine, () => client.workflows.cancel(id))) {
          io.print(`${titleOf(machine)}: workflow ${id} cancelled\n`);
        } else failures += 1;
      }
      return failures === 0 ? 0 : 1;
    }),
});

export const provisionCommands = [provision, cancel];

interface Wish {
  readonly template: string | undefined;
  readonly reimage: boolean;
  readonly confirmed: boolean;
  readonly retry: boolean;
}

interface Planned {
  readonly machine: MachineView;
  readonly plan: PlanAnswer;
}

/** Prints the plans, and for which machines there is none. */
async function planAll(
  client: Client,
  chosen: readonly MachineView[],
  wish: Wish,
  io: Io,
): Promise<Planned[]> {
  const planned: Planned[] = [];
  for (const machine of chosen) {
    const plan = await tell(io, machine, () => client.workflows.plan(requestOf(machine, wish)));
    if (plan === undefined) continue;
    planned.push({ machine, plan });
    io.print(planText(titleOf(machine), plan));
  }
  return planned;
}

/** Queues what was shown. The server refuses a machine whose plan has become another one. */
async function queueAll(
  client: Client,
  planned: readonly Planned[],
  wish: Wish,
  io: Io,
): Promise<{ name: string; id: string }[]> {
  const queued: { name: string; id: string }[] = [];
  for (const { machine, plan } of planned) {
    const name = titleOf(machine);
    const order = { ...requestOf(machine, wish), plan_digest: plan.plan_digest };
    const workflow = await tell(io, machine, () => client.workflows.create(order));
    if (workflow === undefined) continue;
    io.print(`${name}: workflow ${workflow.metadata.name} queued\n`);
    queued.push({ name, id: workflow.metadata.name });
  }
  return queued;
}

function requestOf(machine: MachineView, { template, reimage, confirmed, retry }: Wish) {
  return {
    machine_id: machine.id,
    ...(template === undefined ? {} : { template }),
    ...(reimage ? { reimage } : {}),
    ...(retry ? { retry } : {}),
    ...(confirmed ? { confirmed } : {}),
  };
}

/** The result of `work`; where it fails, says so of the machine and gives undefined. */
async function tell<T>(
  io: Io,
  machine: MachineView,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (err) {
    if (!isAppError(err) || err.code.startsWith('server.') || err.code.startsWith('auth.'))
      throw err;
    const why = printable(asOptions(describeError(err)));
    io.stderr.write(`${titleOf(machine)}: ${why} [${err.code}]\n`);
    return undefined;
  }
}

/** The server names the fields of a request, which have options of the same names here. */
function asOptions(message: string): string {
  return message.replaceAll(/"(reimage|confirmed)": true/g, '--$1');
}

/** A plan in lines: what is lost, what is left alone, what is done. */
export function planText(name: string, plan: Plan): string {
  const { lost, left_alone: others, actions, warnings } = plan;
  const lines = [
    `${name}: ${changeText(plan)}`,
    ...(lost.length === 0 ? [] : [`  is lost: ${lost.join(', ')}`]),
    ...(others.length === 0 ? [] : [`  left alone: ${others.map(diskText).join('; ')}`]),
    ...actions.map(({ action, does }) => `  ${action}: ${does}`),
    ...warnings.map((warning) => `  warning: ${warning}`),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function changeText({ disk, overwrites }: Plan): string {
  if (disk !== null) return `${overwrites ? 'OVERWRITES' : 'changes'} ${diskText(disk)}`;
  return overwrites
    ? 'OVERWRITES a disk, and the server does not know which'
    : 'overwrites no disk';
}

function diskText({ device, model, serial, size_bytes: size }: PlannedDisk): string {
  const parts = [
    device,
    model ?? undefined,
    serial === undefined || serial === null ? undefined : `serial ${serial}`,
    size === undefined || size === null ? undefined : `${(Number(size) / 1e9).toFixed(1)} GB`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}
