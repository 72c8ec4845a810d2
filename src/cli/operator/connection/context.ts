// `dragonfly context`: the servers that an operator works with.
import { resolve } from 'node:path';
import { AppError } from '../../../core/errors.ts';
import { parseUrl } from '../../../transport/address.ts';
import { command, type Io } from '../../command.ts';
import { contextsPath, readContexts, writeContexts, type Context } from './contexts.ts';
import { outputOptions, printList, type Shape } from '../output.ts';

interface Listed extends Context {
  readonly name: string;
  readonly current: boolean;
}

const shape: Shape<Listed> = {
  columns: {
    CURRENT: ({ current }) => (current ? '*' : null),
    NAME: ({ name }) => name,
    SERVER: ({ server }) => server,
    TOKEN: ({ token_file, token_command }) => token_command?.join(' ') ?? token_file ?? null,
  },
  name: ({ name }) => name,
};

const list = command({
  name: 'context list',
  describe: 'list contexts',
  examples: ['context list'],
  options: outputOptions,
  async run(args, io) {
    const { current, contexts } = readContexts(contextsPath(io));
    const all = Object.entries(contexts).map(([name, context]) => ({
      name,
      ...context,
      current: name === current,
    }));
    await printList(io, args, all, shape);
    return 0;
  },
});

const set = command({
  name: 'context set',
  describe: 'create or replace a context, and use it from now on',
  examples: ['context set lab https://dragonfly.example:3000 --token-file ~/.dragonfly-token'],
  positionals: { name: { describe: 'its name' }, server: { describe: 'the URL of the server' } },
  options: {
    'token-file': { type: 'string', value: 'FILE', describe: 'holds the token' },
    'token-command': {
      type: 'string',
      value: 'COMMAND',
      describe: 'prints the token: a keyring or a password manager, with its arguments',
      excludes: ['token-file'],
    },
    'ca-file': { type: 'string', value: 'FILE', describe: "the server's CA, PEM" },
    'ca-sha256': {
      type: 'string',
      value: 'HEX',
      describe: 'the SHA-256 of its CA',
      excludes: ['ca-file'],
    },
  },
  run(args, io) {
    const path = contextsPath(io);
    const { contexts } = readContexts(path);
    const context: Context = {
      server: addressOf(args.server),
      // As they are found from any directory.
      ...(args['token-file'] === undefined ? {} : { token_file: resolve(args['token-file']) }),
      ...(args['token-command'] === undefined
        ? {}
        : { token_command: args['token-command'].trim().split(/\s+/) }),
      ...(args['ca-file'] === undefined ? {} : { ca_file: resolve(args['ca-file']) }),
      ...(args['ca-sha256'] === undefined ? {} : { ca_sha256: args['ca-sha256'] }),
    };
    writeContexts(path, { current: args.name, contexts: { ...contexts, [args.name]: context } });
    io.print(`context ${args.name} is in use: ${args.server}\n`);
    warnOfEnvironment(io, args.name);
    return Promise.resolve(0);
  },
});

const use = command({
  name: 'context use',
  describe: 'use a context from now on',
  examples: ['context use lab'],
  positionals: { name: { names: 'contexts', describe: 'its name' } },
  options: {},
  run(args, io) {
    const path = contextsPath(io);
    const found = readContexts(path);
    if (!Object.hasOwn(found.contexts, args.name)) throw unknown(args.name, path);
    writeContexts(path, { ...found, current: args.name });
    io.print(`context ${args.name} is in use\n`);
    warnOfEnvironment(io, args.name);
    return Promise.resolve(0);
  },
});

const remove = command({
  name: 'context delete',
  describe: 'delete a context',
  examples: ['context delete lab'],
  positionals: { name: { names: 'contexts', describe: 'its name' } },
  options: {},
  run(args, io) {
    const path = contextsPath(io);
    const { current, contexts } = readContexts(path);
    if (!Object.hasOwn(contexts, args.name)) throw unknown(args.name, path);
    const left = Object.fromEntries(
      Object.entries(contexts).filter(([name]) => name !== args.name),
    );
    const kept = current === undefined || current === args.name ? {} : { current };
    writeContexts(path, { ...kept, contexts: left });
    io.print(`context ${args.name} deleted\n`);
    return Promise.resolve(0);
  },
});

export const contextCommands = [list, set, use, remove];

/** Says which variables come before the context that was chosen. */
function warnOfEnvironment({ env, stderr }: Io, chosen: string): void {
  const { DRAGONFLY_SERVER: server, DRAGONFLY_CONTEXT: context, DRAGONFLY_TOKEN: token } = env;
  if (context !== undefined && context !== chosen) {
    stderr.write(`warning: DRAGONFLY_CONTEXT is set, and chooses ${context}\n`);
  }
  if (server !== undefined) {
    stderr.write('warning: DRAGONFLY_SERVER is set, and comes before the server of a context\n');
  }
  if (token !== undefined) {
    stderr.write('warning: DRAGONFLY_TOKEN is set, and comes before the token of a context\n');
  }
}

/** Errors: AppError `config.invalid`. */
function addressOf(text: string): string {
  try {
    return parseUrl(text);
  } catch (cause) {
    // Without the text, which may have a password in it.
    throw new AppError('config.invalid', 'the address of the server cannot be used', { cause });
  }
}

function unknown(name: string, path: string): AppError {
  return new AppError('config.invalid', `there is no context ${name} in ${path}`);
}
