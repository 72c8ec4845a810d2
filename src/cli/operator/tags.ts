// `dragonfly tags`: the tags of all machines.
import type { TagList } from '../../model/api/machines.ts';
import { command } from '../command.ts';
import { connectionOptions, withClient } from './connection/connection.ts';
import { outputOptions, printList, type Shape } from './output.ts';

const shape: Shape<TagList['tags'][number]> = {
  columns: { TAG: ({ tag }) => tag, MACHINES: ({ machines }) => String(machines) },
  name: ({ tag }) => tag,
};

const list = command({
  name: 'tags list',
  describe: 'list the tags of machines, and how many have each',
  examples: ['tags list'],
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await printList(io, args, await client.machines.tags(), shape);
      return 0;
    }),
});

const remove = command({
  name: 'tags delete',
  describe: 'take a tag off every machine',
  examples: ['tags delete burn-in'],
  positionals: { tag: { names: 'tags', describe: 'the tag' } },
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const count = await client.machines.deleteTag(args.tag);
      io.print(`taken off ${count} ${count === 1 ? 'machine' : 'machines'}\n`);
      return 0;
    }),
});

export const tagCommands = [list, remove];
