// `dragonfly sessions`: who is signed in with an OpenID provider.
import type { SessionList } from '../../../model/api/administration/tokens.ts';
import { command } from '../../command.ts';
import { connectionOptions, withClient } from '../connection/connection.ts';
import { outputOptions, printList, type Shape } from '../output.ts';

const shape: Shape<SessionList['sessions'][number]> = {
  columns: {
    ID: ({ id }) => id,
    NAME: ({ name }) => name,
    GROUPS: ({ groups }) => groups.join(','),
    EXPIRES: ({ expires_at }) => expires_at,
  },
  name: ({ id }) => id,
};

const list = command({
  name: 'sessions list',
  describe: 'list who is signed in with the OpenID provider',
  examples: ['sessions list'],
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await printList(io, args, await client.sessions.list(), shape);
      return 0;
    }),
});

const end = command({
  name: 'sessions end',
  describe: "end somebody's session, on all servers of the store",
  examples: ['sessions end 3f9a0c17d2e4b586'],
  positionals: { session: { describe: 'its id' } },
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await client.sessions.end(args.session);
      io.print(`session ${args.session} ended\n`);
      return 0;
    }),
});

export const sessionCommands = [list, end];
