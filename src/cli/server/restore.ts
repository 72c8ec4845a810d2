// `dragonfly-server restore FILE`: puts a backup into an empty store of any kind.
import { command } from '../command.ts';
import { openStoreOf, storeSettings } from './store-options.ts';

export const restore = command({
  name: 'restore',
  positionals: { file: { value: 'FILE', describe: 'the backup' } },
  describe: 'put all records of a backup into an empty store, of any kind',
  settings: storeSettings,
  options: {},
  async run(args, io) {
    const backups = await import('../../store/backup.ts');
    const kv = await openStoreOf(args, io, { partlyRestored: true });
    try {
      const records = await backups.restore(kv, args.file);
      io.stdout.write(`${records} records restored\n`);
      return 0;
    } finally {
      await kv.close();
    }
  },
});
