// `dragonfly tokens`: who may use the server.
import { TokenScope, type Myself, type TokenList } from '../../model/api/tokens.ts';
import { command } from '../command.ts';
import { connectionOptions, withClient } from './connection/connection.ts';
import { outputOptions, printList, type Shape } from './output.ts';

const token = { token: { describe: 'its name' } } as const;

const shape: Shape<TokenList['tokens'][number]> = {
  columns: {
    NAME: ({ name }) => name,
    SCOPE: ({ scope }) => scope,
    CREATED: ({ created_at }) => created_at,
    EXPIRES: ({ expires_at }) => expires_at,
    USED: ({ last_used }) => last_used,
    TAGS: ({ tags = [] }) => tags.join(','),
  },
  name: ({ name }) => name,
};

const myself: Shape<Myself> = {
  columns: {
    NAME: ({ name }) => name,
    SCOPE: ({ scope }) => scope,
    EXPIRES: ({ expires_at }) => expires_at,
    TAGS: ({ tags = [] }) => tags.join(','),
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
  describe: 'create a token and print it, this once',
  examples: ['tokens create night-shift operate --tag rack-7 --expires-at 2027-01-31T00:00:00Z'],
  positionals: { ...token, scope: { describe: 'what it allows', choices: TokenScope.enum } },
  options: {
    tag: {
      type: 'string',
      short: 'l',
      value: 'TAG',
      describe: 'it is good for machines with this tag alone',
    },
    'expires-at': { type: 'string', value: 'TIME', describe: 'RFC 3339, as 2027-01-31T00:00:00Z' },
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const { token: name, scope, tag, 'expires-at': expires } = args;
      const made = await client.tokens.create({
        name,
        scope,
        ...(tag === undefined ? {} : { tags: [tag] }),
        ...(expires === undefined ? {} : { expires_at: expires }),
      });
      io.print(`${made.token}\n`);
      return 0;
    }),
});

const revoke = command({
  name: 'tokens revoke',
  describe: 'revoke a token',
  examples: ['tokens revoke night-shift'],
  positionals: token,
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
