// `dragonfly workflows`: the work that machines have to do, or did.
import { askedStates } from '../../model/api/workflows.ts';
import { isActive, type Workflow } from '../../model/documents/workflow.ts';
import { wordOf } from '../../model/documents/workflow-state.ts';
import type { Client } from '../../client/client.ts';
import { command, type Io } from '../command.ts';
import { connectionOptions, withClient } from './connection/connection.ts';
import {
  isForPeople,
  outputOptions,
  printDocument,
  printList,
  type OutputArgs,
  type Shape,
} from './output.ts';
import { machineNamed, titlesOf } from './machines/selection.ts';
import { waitFor, waitOptions } from './wait.ts';

const workflow = { workflow: { describe: 'its UUID' } } as const;

/** `names`: those of the machines, by their ids. */
function shapeOf(names: ReadonlyMap<string, string>): Shape<Workflow> {
  return {
    columns: {
      ID: ({ metadata }) => metadata.name,
      STATE: (found) => stateOf(found),
      MACHINE: ({ spec }) => names.get(spec.hardwareRef) ?? spec.hardwareRef,
      TEMPLATE: ({ spec }) => spec.templateRef,
      ACTION: ({ status }) => status?.currentAction ?? null,
      '%': ({ status }) => (status?.progress === undefined ? null : String(status.progress)),
      ERROR: ({ status }) => status?.error ?? null,
    },
    wide: {
      STARTED: ({ status }) => status?.startedAt ?? null,
      ENDED: ({ status }) => status?.completedAt ?? null,
      DISK: ({ spec }) => spec.plan?.disk?.serial ?? spec.plan?.disk?.device ?? null,
      'MACHINE ID': ({ spec }) => spec.hardwareRef,
    },
    name: ({ metadata }) => metadata.name,
  };
}

/** Prints workflows, with the names of their machines where people read them. */
async function print(
  io: Io,
  args: OutputArgs,
  client: Client,
  found: readonly Workflow[],
): Promise<void> {
  const ids = isForPeople(args) ? found.map(({ spec }) => spec.hardwareRef) : [];
  await printList(io, args, found, shapeOf(await titlesOf(client, ids)));
}

function stateOf(found: Workflow): string {
  return found.held !== undefined && isActive(found) ? 'held' : wordOf(found);
}

const list = command({
  name: 'workflows list',
  describe: 'list workflows, oldest first',
  examples: ['workflows list --active', 'workflows list --state failed --machine node-7'],
  options: {
    machine: {
      type: 'string',
      value: 'MACHINE',
      names: 'machines',
      describe: 'only those of this machine',
    },
    active: { type: 'boolean', describe: 'only those that wait or run', excludes: ['state'] },
    state: { type: 'string', choices: askedStates, describe: 'only those in this state' },
    ...outputOptions,
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const machine =
        args.machine === undefined ? undefined : await machineNamed(client, args.machine);
      const found = client.workflows.list({
        ...(machine === undefined ? {} : { machine_id: machine.id }),
        ...(args.state === undefined ? {} : { state: args.state }),
        ...(args.active ? { state: 'active' } : {}),
      });
      await print(io, args, client, await found.toArray());
      return 0;
    }),
});

const get = command({
  name: 'workflows get',
  describe: 'print a workflow: its plan, its actions and their output',
  examples: ['workflows get 0192f0c4-7c1e-7d3a-9d3f-5a8e6c1b2d40'],
  positionals: workflow,
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const found = await client.workflows.get(args.workflow);
      if (args.output === undefined || args.json || args.yaml) await printDocument(io, args, found);
      else await print(io, args, client, [found]);
      return 0;
    }),
});

const cancel = command({
  name: 'workflows cancel',
  describe: 'cancel a workflow',
  examples: ['workflows cancel 0192f0c4-7c1e-7d3a-9d3f-5a8e6c1b2d40'],
  positionals: workflow,
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await client.workflows.cancel(args.workflow);
      io.print(`workflow ${args.workflow} cancelled\n`);
      return 0;
    }),
});

const release = command({
  name: 'workflows release',
  describe: 'let a workflow that was restored from a backup go on',
  examples: ['workflows release 0192f0c4-7c1e-7d3a-9d3f-5a8e6c1b2d40'],
  positionals: workflow,
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await client.workflows.release(args.workflow);
      io.print(`workflow ${args.workflow} released\n`);
      return 0;
    }),
});

/** Exit code 1: it did not succeed. */
const wait = command({
  name: 'workflows wait',
  describe: 'follow a workflow until it has ended',
  examples: ['workflows wait 0192f0c4-7c1e-7d3a-9d3f-5a8e6c1b2d40 --timeout 3600'],
  positionals: workflow,
  options: { timeout: waitOptions.timeout, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const one = { name: args.workflow, id: args.workflow };
      return (await waitFor(client, [one], args.timeout, io)) ? 0 : 1;
    }),
});

export const workflowCommands = [list, get, cancel, release, wait];
