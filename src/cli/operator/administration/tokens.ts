// `dragonfly tokens`: who may use the server.
import { systemClock } from '../../../core/clock.ts';
import { AppError } from '../../../core/errors.ts';
import {
  TokenScope,
  type Myself,
  type TokenList,
} from '../../../model/api/administration/tokens.ts';
import { tagsText } from '../../../model/text/tags-text.ts';
import { command } from '../../command.ts';
import { expiry } from '../../expiry.ts';
import { connectionOptions, withClient } from '../connection/connection.ts';
import { outputOptions, printList, type Shape } from '../output.ts';

const token = { token: { describe: 'its name' } } as const;

const shape: Shape<TokenList['tokens'][number]> = {
  columns: {
    NAME: ({ name }) => name,
    SCOPE: ({ scope }) => scope,
    CREATED: ({ created_at }) => created_at,
    EXPIRES: ({ expires_at }) => expires_at,
    USED: ({ last_used }) => last_used,
    TAGS: ({ tags = [] }) => tagsText(tags),
  },
  name: ({ name }) => name,
};

const myself: Shape<Myself> = {
  columns: {
    NAME: ({ name }) => name,
    SCOPE: ({ scope }) => scope,
    EXPIRES: ({ expires_at }) => expires_at,
    TAGS: ({ tags = [] }) => tagsText(tags),
  },
  name: ({ name }) => name,
};

const list = command({
  name: 'tokens list',
  describe: 'list tokens, without their secrets',
  examples: ['tokens list'],
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await printList(io, args, await client.tokens.list(), shape);
      return 0;
    }),
});

const create = command({
  name: 'tokens create',
  describe: 'create a token and print it once',
  examples: ['tokens create night-shift --scope operate --tag rack-7 --expires 90d'],
  positionals: token,
  options: {
    scope: { type: 'string', choices: TokenScope.enum, describe: 'what it allows' },
    tag: {
      type: 'string',
      short: 'l',
      value: 'TAG',
      describe: 'limit it to machines with this tag',
    },
    expires: { type: 'string', value: 'WHEN', describe: 'lifetime (90d, 12h) or date of expiry' },
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const { token: name, scope, tag } = args;
      if (scope === undefined) {
        throw new AppError('usage.invalid', `add --scope ${TokenScope.enum.join(', ')}`);
      }
      const expires = expiry(args.expires, systemClock.now());
      const made = await client.tokens.create({
        name,
        scope,
        ...(tag === undefined ? {} : { tags: [tag] }),
        ...(expires === null ? {} : { expires_at: expires.toISOString() }),
      });
      io.print(`${made.token}\n`);
      return 0;
    }),
});

const revoke = command({
  name: 'tokens revoke',
  describe: 'revoke a token',
  examples: ['tokens revoke night-shift'],
  positionals: { token: { names: 'tokens', describe: 'its name' } },
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await client.tokens.revoke(args.token);
      io.print(`token ${args.token} revoked\n`);
      return 0;
    }),
});

const whoami = command({
  name: 'whoami',
  describe: 'print which token you use, and what it allows',
  examples: ['whoami'],
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await printList(io, args, [await client.tokens.myself()], myself);
      return 0;
    }),
});

export const tokenCommands = [list, create, revoke, whoami];
