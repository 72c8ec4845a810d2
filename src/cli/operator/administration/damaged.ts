// `dragonfly damaged`: stored records that the server cannot read.
import { AppError } from '../../../core/errors.ts';
import type { DamagedList } from '../../../model/api/administration/damaged.ts';
import { command } from '../../command.ts';
import { asData, formatOptions } from '../../formats.ts';
import { connectionOptions, withClient } from '../connection/connection.ts';
import { outputOptions, printList, type Shape } from '../output.ts';

const record = { record: { describe: 'its table and name, as "machines/ID"' } } as const;

const shape: Shape<DamagedList['damaged'][number]> = {
  columns: {
    RECORD: (damaged) => damaged.record,
    PLACE: ({ aside }) => (aside ? 'aside' : 'in place'),
    ERROR: ({ error }) => error,
  },
  name: (damaged) => damaged.record,
};

const list = command({
  name: 'damaged list',
  describe: 'look at every stored record and list those that cannot be read',
  examples: ['damaged list'],
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const found = await client.damaged.list();
      await printList(io, args, found, shape);
      return found.length === 0 ? 0 : 1;
    }),
});

const get = command({
  name: 'damaged get',
  describe: 'print a damaged record as it is stored',
  examples: ['damaged get templates/odd'],
  positionals: record,
  options: { ...formatOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const found = await client.damaged.get(...partsOf(args.record));
      io.print((await asData(args, found)) ?? `${found.value}\n`);
      return 0;
    }),
});

const remove = command({
  name: 'damaged delete',
  describe: 'delete a damaged record for good',
  examples: ['damaged delete templates/odd'],
  positionals: record,
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await client.damaged.delete(...partsOf(args.record));
      io.print(`${args.record} deleted\n`);
      return 0;
    }),
});

/** Table and name of "machines/ID". Errors: AppError `usage.invalid`. */
function partsOf(text: string): [table: string, name: string] {
  const [, table = '', name = ''] = /^([^/]+)\/(.+)$/s.exec(text) ?? [];
  if (table !== '') return [table, name];
  throw new AppError('usage.invalid', `${text} is not a record: name it as "machines/ID"`);
}

export const damagedCommands = [list, get, remove];
