// `dragonfly-server restore FILE`: puts a backup, or Dragonfly's own documents, into an empty store of any kind.
import type { Unread } from '../../store/backup/restore.ts';
import { command } from '../command.ts';
import { openStoreOf, storeSettings } from './settings/store-options.ts';

export const restore = command({
  name: 'restore',
  positionals: { file: { value: 'FILE', describe: 'the backup' } },
  describe: 'put all records of a backup into an empty store, of any kind',
  examples: [
    'restore /var/backups/dragonfly.jsonl',
    'restore --skip-damaged /var/backups/dragonfly.jsonl',
  ],
  settings: storeSettings,
  options: {
    dragonfly: {
      type: 'boolean',
      describe: "FILE holds documents of Dragonfly's own store, one to a line",
    },
    'skip-damaged': {
      type: 'boolean',
      describe: 'put records that cannot be read aside, as check --repair does, and list them',
    },
  },
  async run(args, io) {
    const [records, { systemClock }] = await Promise.all([
      import('../../store/backup/restore.ts'),
      import('../../core/clock.ts'),
    ]);
    const unread: Unread[] = [];
    const kv = await openStoreOf(args, io, { partlyRestored: true });
    try {
      const count = await records.restore(kv, args.file, {
        from: args.dragonfly ? 'dragonfly' : 'backup',
        skipDamaged: args['skip-damaged'] ? systemClock.now() : undefined,
        onUnread: (one) => unread.push(one),
      });
      for (const one of unread) io.stdout.write(`${told(one)}\n`);
      io.stdout.write(`${count} records restored\n`);
      return 0;
    } finally {
      await kv.close();
    }
  },
});

/** The sentence about a record that was not restored. */
function told({ record, error }: Unread): string {
  const where = record === undefined ? 'left out' : `put aside as ${record}`;
  return `${where}: ${error}`;
}
