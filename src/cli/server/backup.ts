// `dragonfly-server backup FILE`: writes all records to a file, even while a server is running.
import { command } from '../command.ts';
import { openStoreOf, storeSettings } from './settings/store-options.ts';

export const backup = command({
  name: 'backup',
  positionals: { file: { value: 'FILE', describe: 'the file to write' } },
  describe: 'write all records to a file; the server may be running',
  examples: ['backup /var/backups/dragonfly.jsonl'],
  settings: storeSettings,
  options: {
    dragonfly: {
      type: 'boolean',
      describe: 'write documents that newer versions of Dragonfly read',
    },
  },
  async run(args, io) {
    const { backUp } = await import('../../store/backup/backup.ts');
    const kv = await openStoreOf(args, io, { readOnly: true });
    try {
      const path = args.file;
      let damaged = 0;
      const records = await backUp(kv, path, {
        dialect: args.dragonfly ? 'dragonfly' : undefined,
        onDamaged({ record, error }) {
          damaged += 1;
          io.stderr.write(`left out: ${record}: ${error} [store.damaged]\n`);
        },
      });
      const without = damaged === 0 ? '' : `; ${damaged} cannot be read and are not in it`;
      const isEmpty = records === 0 && damaged === 0;
      io.stdout.write(
        `${records} records written to ${path}${without}${isEmpty ? ': the store is empty' : ''}\n`,
      );
      return damaged === 0 ? 0 : 1;
    } finally {
      await kv.close();
    }
  },
});
