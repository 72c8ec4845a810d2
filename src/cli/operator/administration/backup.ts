// `dragonfly backup`: a backup of all records, from anywhere.
import fs from 'node:fs';
import { AppError } from '../../../core/errors.ts';
import { createPrivate, refuseOthers } from '../../../core/files/private-file.ts';
import { command } from '../../command.ts';
import { connectionOptions, withClient } from '../connection/connection.ts';

const backup = command({
  name: 'backup',
  describe:
    'save a backup of all records, which "dragonfly-server restore" takes; takes a full token',
  examples: ['backup dragonfly.backup'],
  positionals: { file: { value: 'FILE', describe: 'the file to write' } },
  options: connectionOptions,
  run: ({ file, ...args }, io) =>
    withClient(args, io, async (client) => {
      const bytes = await save(file, await client.backup(), io.signal);
      io.print(`${bytes} bytes written to ${file}\n`);
      return 0;
    }),
});

/** Under another name until it is whole, and for its owner alone. Errors: AppError `backup.failed`, also for a file that
 *  is a link, a FIFO or a device; the reason of the signal; those of the client. */
async function save(
  file: string,
  parts: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<number> {
  const partial = `${file}.partial`;
  let bytes = 0;
  try {
    refuseOthers(file);
    const opened = createPrivate(partial);
    try {
      for await (const part of parts) {
        fs.writeFileSync(opened, part);
        bytes += part.length;
      }
      fs.fsyncSync(opened);
    } finally {
      fs.closeSync(opened);
    }
    fs.renameSync(partial, file);
    return bytes;
  } catch (err) {
    fs.rmSync(partial, { force: true });
    signal.throwIfAborted();
    if (err instanceof AppError) throw err;
    throw new AppError('backup.failed', `cannot write ${file}`, { cause: err });
  }
}

export const backupCommands = [backup];
