// `dragonfly-server backup FILE`: all records of the store in a file, also while a server runs.
import type { Command } from '../command.ts';
import { openStoreOf, storeOptions } from './store-options.ts';

export const backup: Command = {
  name: 'backup',
  positionals: '<file>',
  describe: 'write all records to a file, also while a server runs',
  options: storeOptions,
  async run(args, io) {
    const { backUp } = await import('../../store/backup.ts');
    const kv = await openStoreOf(args, io, { readOnly: true });
    try {
      const path = String(args['file']);
      const records = await backUp(kv, path);
      io.stdout.write(`${records} records written to ${path}\n`);
      return 0;
    } finally {
      await kv.close();
    }
  },
};
