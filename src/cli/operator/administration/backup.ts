// `dragonfly backup`: a backup of all records, from anywhere.
import { open, rename, rm } from 'node:fs/promises';
import { AppError } from '../../../core/errors.ts';
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
      const bytes = await save(file, await client.backup());
      io.print(`${bytes} bytes written to ${file}\n`);
      return 0;
    }),
});

/** Under another name until it is whole. Only its owner can read it. Errors: AppError `output.failed`, and those of the
 *  connection. */
async function save(file: string, parts: AsyncIterable<Uint8Array>): Promise<number> {
  const whole = `${file}.part`;
  let bytes = 0;
  try {
    await using handle = await open(whole, 'w', 0o600);
    for await (const part of parts) {
      await handle.writeFile(part);
      bytes += part.length;
    }
    await handle.sync();
    await rename(whole, file);
    return bytes;
  } catch (err) {
    await rm(whole, { force: true });
    if (err instanceof AppError) throw err;
    throw new AppError('output.failed', `cannot write ${file}`, { cause: err });
  }
}

export const backupCommands = [backup];
