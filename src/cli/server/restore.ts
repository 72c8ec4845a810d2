// `dragonfly-server restore FILE`: a backup into an empty store, of whichever backend.
import type { Command } from '../command.ts';
import { openStoreOf, storeOptions } from './store-options.ts';

export const restore: Command = {
  name: 'restore',
  positionals: '<file>',
  describe: 'put all records of a backup into an empty store, of any kind',
  options: storeOptions,
  async run(args, io) {
    const backups = await import('../../store/backup.ts');
    const kv = await openStoreOf(args, io, { partlyRestored: true });
    try {
      const records = await backups.restore(kv, String(args['file']));
      io.stdout.write(`${records} records restored\n`);
      return 0;
    } finally {
      await kv.close();
    }
  },
};
