// `dragonfly settings`: text by key, such as "template.default_user".
import type { Setting } from '../../../model/api/administration/settings.ts';
import { command } from '../../command.ts';
import { formatOf } from '../../formats.ts';
import { connectionOptions, withClient } from '../connection/connection.ts';
import { outputOptions, printDocument, printList, type Shape } from '../output.ts';

const key = { key: { names: 'settings', describe: 'its key' } } as const;

const shape: Shape<Setting> = {
  columns: { KEY: (setting) => setting.key, VALUE: ({ value }) => value },
  name: (setting) => setting.key,
};

const list = command({
  name: 'settings list',
  describe: 'list settings',
  examples: ['settings list template'],
  positionals: {
    prefix: { names: 'settings', describe: 'how their keys begin', isOptional: true },
  },
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const { prefix } = args;
      const found = client.settings.list(prefix === undefined ? {} : { prefix });
      await printList(io, args, await found.toArray(), shape);
      return 0;
    }),
});

const get = command({
  name: 'settings get',
  describe: 'print the value of a setting',
  examples: ['settings get template.default_user'],
  positionals: key,
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const { value: setting } = await client.settings.get(args.key);
      const format = formatOf(args);
      if (format === undefined) io.print(`${setting.value}\n`);
      else if (format === 'json' || format === 'yaml') await printDocument(io, args, setting);
      else await printList(io, args, [setting], shape);
      return 0;
    }),
});

const set = command({
  name: 'settings set',
  describe: 'set a setting; a secret is read from standard input, with "-" as its value',
  examples: [
    'settings set template.default_user admin',
    'settings set template.default_password -',
  ],
  positionals: { ...key, value: { describe: 'its value; "-": standard input' } },
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const value = args.value === '-' ? (await io.input()).replace(/\r?\n$/, '') : args.value;
      await client.settings.put(args.key, value);
      io.print(`${args.key} set\n`);
      return 0;
    }),
});

const remove = command({
  name: 'settings delete',
  describe: 'delete a setting',
  examples: ['settings delete template.default_user'],
  positionals: key,
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await client.settings.delete(args.key);
      io.print(`${args.key} deleted\n`);
      return 0;
    }),
});

export const settingCommands = [list, get, set, remove];
