// `dragonfly conflicts`: machines that could not be told apart, for an operator to decide.
import type { IdentityConflict } from '../../model/history.ts';
import { command } from '../command.ts';
import { connectionOptions, withClient } from './connection/connection.ts';
import { outputOptions, printDocument, printList, type Shape } from './output.ts';

const conflict = { conflict: { describe: 'its UUID' } } as const;

const shape: Shape<IdentityConflict> = {
  columns: {
    ID: ({ id }) => id,
    REASON: ({ reason }) => reason,
    MACHINE: ({ machine_id }) => machine_id,
    CANDIDATES: ({ candidates }) => candidates.map(({ machine_id }) => machine_id).join(','),
    DECISION: ({ resolution }) => resolution?.decision ?? null,
    SINCE: ({ created_at }) => created_at,
  },
  name: ({ id }) => id,
};

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
      await printList(io, args, await client.conflicts.list({ all: args.all }).toArray(), shape);
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
      const all = await client.conflicts.list({ all: true }).toArray();
      const found = all.filter(({ id }) => id === args.conflict);
      if (found[0] === undefined) io.stderr.write(`there is no conflict ${args.conflict}\n`);
      else await printDocument(io, args, found[0]);
      return found.length === 1 ? 0 : 1;
    }),
});

const accept = command({
  name: 'conflicts accept',
  describe: 'decide that the machine is one of the candidates, and merge it into that',
  examples: ['conflicts accept 0192f0c4-7c1e-7d3a-9d3f-5a8e6c1b2d40'],
  positionals: conflict,
  options: {
    into: { type: 'string', value: 'ID', describe: 'which candidate, where there are several' },
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const { resolution } = await client.conflicts.accept(args.conflict, args.into);
      io.print(`merged into ${resolution?.into ?? 'the candidate'}\n`);
      return 0;
    }),
});

const split = command({
  name: 'conflicts split',
  describe: 'decide that it is a machine of its own',
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
  describe: 'take back that it is a machine of its own',
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
