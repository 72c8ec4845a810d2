// `dragonfly-server backup FILE`: writes all records to a file, even while a server is running.
import { command } from '../command.ts';
import { openStoreOf, storeSettings } from './store-options.ts';

export const backup = command({
  name: 'backup',
  positionals: { file: { value: 'FILE', describe: 'the file to write' } },
  describe: 'write all records to a file, also while a server runs',
  settings: storeSettings,
  options: {
    dragonfly: {
      type: 'boolean',
      describe: 'write documents that newer versions of Dragonfly read',
    },
  },
  async run(args, io) {
    const { backUp } = await import('../../store/backup.ts');
    const kv = await openStoreOf(args, io, { readOnly: true });
    try {
      const path = args.file;
      const records = await backUp(kv, path, args.dragonfly ? 'dragonfly' : undefined);
      io.stdout.write(`${records} records written to ${path}\n`);
      return 0;
    } finally {
      await kv.close();
    }
  },
});
