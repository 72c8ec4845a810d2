// `dragonfly conflicts`: machines that could not be told apart, for an operator to decide.
import type { Client } from '../../client/client.ts';
import { AppError } from '../../core/errors.ts';
import type { IdentityConflict } from '../../model/history.ts';
import { command, type Io } from '../command.ts';
import { confirm } from './confirm.ts';
import { connectionOptions, withClient } from './connection/connection.ts';
import { titlesOf } from './machines/selection.ts';
import { isForPeople, outputOptions, printDocument, printList, type Shape } from './output.ts';

const conflict = { conflict: { describe: 'its UUID' } } as const;

/** `names`: those of the machines, by their ids. */
function shapeOf(names: ReadonlyMap<string, string>): Shape<IdentityConflict> {
  return {
    columns: {
      ID: ({ id }) => id,
      REASON: ({ reason }) => reason,
      MACHINE: ({ machine_id: id }) => names.get(id) ?? id,
      CANDIDATES: (one) =>
        candidatesOf(one)
          .map((id) => names.get(id) ?? id)
          .join(', '),
      DECISION: ({ resolution }) => resolution?.decision ?? null,
      SINCE: ({ created_at }) => created_at,
    },
    wide: {
      'MACHINE ID': ({ machine_id: id }) => id,
      'CANDIDATE IDS': (one) => candidatesOf(one).join(', '),
    },
    name: ({ id }) => id,
  };
}

const candidatesOf = ({ candidates }: IdentityConflict): string[] =>
  candidates.map(({ machine_id: id }) => id);

const namesIn = (client: Client, conflicts: readonly IdentityConflict[]) =>
  titlesOf(
    client,
    conflicts.flatMap((one) => [one.machine_id, ...candidatesOf(one)]),
  );

/** Errors: AppError `conflict.unknown`. */
async function conflictNamed(client: Client, id: string): Promise<IdentityConflict> {
  const all = await client.conflicts.list({ all: true }).toArray();
  const found = all.find((one) => one.id === id.toLowerCase());
  if (found !== undefined) return found;
  throw new AppError('conflict.unknown', `there is no conflict ${id}`);
}

const list = command({
  name: 'conflicts list',
  describe: 'list conflicts that wait for a decision',
  examples: ['conflicts list', 'conflicts list --all'],
  options: {
    all: { type: 'boolean', describe: 'also those that are decided' },
    ...outputOptions,
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const found = await client.conflicts.list({ all: args.all }).toArray();
      const names = isForPeople(args) ? await namesIn(client, found) : new Map<string, string>();
      await printList(io, args, found, shapeOf(names));
      return 0;
    }),
});

const get = command({
  name: 'conflicts get',
  describe: 'print a conflict with its evidence',
  examples: ['conflicts get 0192f0c4-7c1e-7d3a-9d3f-5a8e6c1b2d40'],
  positionals: conflict,
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await printDocument(io, args, await conflictNamed(client, args.conflict));
      return 0;
    }),
});

const accept = command({
  name: 'conflicts accept',
  describe:
    'decide that the machine is one of the candidates, and merge it into that for good; its own record: there is one machine, also at the refused addresses',
  examples: ['conflicts accept 0192f0c4-7c1e-7d3a-9d3f-5a8e6c1b2d40'],
  positionals: conflict,
  options: {
    into: { type: 'string', value: 'ID', describe: 'which candidate, where there are several' },
    address: {
      type: 'string',
      value: 'ADDRESS',
      describe: 'of the refused ones: the machine is there, and the one taken for it is kept out',
    },
    yes: { type: 'boolean', short: 'y', describe: 'do not ask' },
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      if (args.address !== undefined) {
        await client.conflicts.acceptAddress(args.conflict, args.address);
        io.print(`the machine is at ${args.address}\n`);
        return 0;
      }
      if (!args.yes) await confirmMerge(client, io, args);
      const { machine_id, resolution } = await client.conflicts.accept(args.conflict, args.into);
      const isAlone = resolution?.into === machine_id;
      io.print(isAlone ? 'one machine\n' : `merged into ${resolution?.into ?? 'the candidate'}\n`);
      return 0;
    }),
});

/** Asks before two machines become one, by their names. Errors: AppError `usage.invalid`, `conflict.unknown`. */
async function confirmMerge(
  client: Client,
  io: Io,
  { conflict: id, into }: { readonly conflict: string; readonly into: string | undefined },
): Promise<void> {
  const found = await conflictNamed(client, id);
  const names = await namesIn(client, [found]);
  const candidates = candidatesOf(found);
  const target = into ?? (candidates.length === 1 ? candidates[0] : undefined);
  if (target === undefined) {
    const choices = candidates.map((one) => `${one} (${names.get(one) ?? 'not shown'})`);
    throw new AppError('usage.invalid', `say --into: ${choices.join(', ')}`);
  }
  if (target === found.machine_id) return;
  const nameOf = (machine: string): string => names.get(machine) ?? machine;
  await confirm(io, [nameOf(found.machine_id)], `merged into ${nameOf(target)} for good`);
}

const split = command({
  name: 'conflicts split',
  describe: 'decide that it is a machine of its own; refused addresses stay refused',
  examples: ['conflicts split 0192f0c4-7c1e-7d3a-9d3f-5a8e6c1b2d40'],
  positionals: conflict,
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await client.conflicts.split(args.conflict);
      io.print('a machine of its own\n');
      return 0;
    }),
});

const reopen = command({
  name: 'conflicts reopen',
  describe: 'take back a decision that merged nothing',
  examples: ['conflicts reopen 0192f0c4-7c1e-7d3a-9d3f-5a8e6c1b2d40'],
  positionals: conflict,
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await client.conflicts.reopen(args.conflict);
      io.print('waits for a decision again\n');
      return 0;
    }),
});

export const conflictCommands = [list, get, accept, split, reopen];
