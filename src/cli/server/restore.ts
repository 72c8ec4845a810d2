// `dragonfly-server restore FILE`: puts a backup, or Dragonfly's own documents, into an empty store of any kind.
import { command } from '../command.ts';
import { openStoreOf, storeSettings } from './settings/store-options.ts';

export const restore = command({
  name: 'restore',
  positionals: { file: { value: 'FILE', describe: 'the backup' } },
  describe: 'put all records of a backup into an empty store, of any kind',
  examples: ['restore /var/backups/dragonfly.jsonl'],
  settings: storeSettings,
  options: {
    dragonfly: {
      type: 'boolean',
      describe: "FILE holds documents of Dragonfly's own store, one to a line",
    },
  },
  async run(args, io) {
    const records = await import('../../store/restore.ts');
    const kv = await openStoreOf(args, io, { partlyRestored: true });
    try {
      const count = await records.restore(kv, args.file, args.dragonfly ? 'dragonfly' : 'backup');
      io.stdout.write(`${count} records restored\n`);
      return 0;
    } finally {
      await kv.close();
    }
  },
});
