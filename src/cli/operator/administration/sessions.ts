// `dragonfly sessions`: the browsers that are signed in.
import { AppError } from '../../../core/errors.ts';
import type { SessionList } from '../../../model/api/administration/sessions.ts';
import { command } from '../../command.ts';
import { connectionOptions, withClient } from '../connection/connection.ts';
import { outputOptions, printList, type Shape } from '../output.ts';

const shape: Shape<SessionList['sessions'][number]> = {
  columns: {
    ID: ({ id }) => id,
    NAME: ({ name }) => name,
    GROUPS: ({ groups }) => groups.join(','),
    FROM: ({ from }) => from,
    EXPIRES: ({ expires_at }) => expires_at,
  },
  wide: {
    BEGUN: ({ created_at }) => created_at,
    TOKEN: ({ token }) => (token ? 'yes' : null),
    BROWSER: ({ browser }) => browser,
  },
  name: ({ id }) => id,
};

const list = command({
  name: 'sessions list',
  describe: 'list the browsers that are signed in: yours or, with a full token, all',
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
  describe: 'sign a browser out, on all servers of the store; or all of yours',
  examples: ['sessions end 3f9a0c17d2e4b586', 'sessions end --own'],
  positionals: { session: { describe: 'its id', isOptional: true } },
  options: {
    own: { type: 'boolean', describe: 'all that you began with the token you use' },
    ...connectionOptions,
  },
  run: ({ session, own, ...args }, io) => {
    if ((session === undefined) !== own) {
      throw new AppError('usage.invalid', 'give the id of a session, or --own for all of yours');
    }
    return withClient(args, io, async ({ sessions }) => {
      if (session === undefined) {
        const count = await sessions.endOwn();
        io.print(`${count} ${count === 1 ? 'session' : 'sessions'} ended\n`);
      } else {
        await sessions.end(session);
        io.print(`session ${session} ended\n`);
      }
      return 0;
    });
  },
});

export const sessionCommands = [list, end];
