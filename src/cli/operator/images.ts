// `dragonfly images`: the disk images that the server serves to agents.
import type { ImageSum } from '../../client/resources/images.ts';
import { command } from '../command.ts';
import { connectionOptions, withClient } from './connection/connection.ts';
import { outputOptions, printList, type Shape } from './output.ts';

const shape: Shape<ImageSum> = {
  columns: { NAME: ({ name }) => name, SHA256: ({ sha256 }) => sha256 },
  name: ({ name }) => name,
};

/** The server first reads what is new in its folder, a terabyte in this time. */
const hashingMs = 3 * 3_600_000;

const list = command({
  name: 'images list',
  describe: "list the server's disk images with their SHA-256",
  examples: ['images list'],
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(
      args,
      io,
      async (client) => {
        await printList(io, args, await client.images.list(), shape);
        return 0;
      },
      { timeoutMs: hashingMs },
    ),
});

export const imageCommands = [list];
