// `dragonfly-server token`: creates, lists and revokes tokens, directly in the store or through the server
// that is using it.
import { AppError, isAppError } from '../../core/errors.ts';
import type { TokenList } from '../../model/api/administration/tokens.ts';
import type { NewToken } from '../../server/access/tokens.ts';
import { command, type Io } from '../command.ts';
import { expiry } from '../expiry.ts';
import { asData, asDataLine, formatOptions, type FormatArgs } from '../formats.ts';
import { serverConfiguration, storeAccess, storeUrl } from './settings/server-settings.ts';
import { storeSettings } from './settings/store-options.ts';

type Shown = TokenList['tokens'][number];

interface Tokens {
  create(wanted: NewToken): Promise<string>;
  list(): Promise<readonly Shown[]>;
  /** Those that cannot be read. */
  damaged(): Promise<readonly { readonly record: string; readonly error: string }[]>;
  revoke(name: string): Promise<void>;
}

export const token = command({
  name: 'token',
  describe:
    'create, list or revoke tokens of operators (read, operate, full) and for agents (enrol)',
  examples: ['token create ops --scope full', 'token list', 'token revoke ops'],
  positionals: {
    action: { describe: 'what to do', choices: ['create', 'list', 'revoke'] },
    name: { describe: 'which token', isOptional: true },
  },
  settings: storeSettings,
  options: {
    scope: {
      type: 'string',
      choices: ['read', 'operate', 'full', 'enrol'],
      describe: 'create: what the token allows',
    },
    tags: {
      type: 'string',
      value: 'TAG,…',
      describe: 'create: limit it to machines with one of these tags',
    },
    expires: {
      type: 'string',
      value: 'WHEN',
      describe: 'create: lifetime (90d, 12h) or date of expiry',
    },
    server: {
      type: 'string',
      value: 'URL',
      describe: 'URL of the running server; DRAGONFLY_TOKEN holds a token of scope full',
    },
    ...formatOptions,
  },
  async run(args, io) {
    const { server } = args;
    if (server !== undefined) {
      return act(throughServer(server, io.env['DRAGONFLY_TOKEN']), args, io);
    }
    const { openStore } = await import('../../store/open.ts');
    const configuration = await serverConfiguration(args, io);
    const mustExist = args.action !== 'create';
    const store = await openStore(storeUrl(configuration), {
      mustExist,
      ...storeAccess(configuration),
      signal: io.signal,
    }).catch((err: unknown) => {
      throw isAppError(err, 'store.in-use') ? running(err) : err;
    });
    try {
      const [tokens, { systemClock }, { appendAudit }, { newId }] = await Promise.all([
        import('../../server/access/tokens.ts'),
        import('../../core/clock.ts'),
        import('../../server/running/audit-log.ts'),
        import('../../core/ids.ts'),
      ]);
      const by = `cli:${await userName()}`;
      const note = (verb: string, name: string, change: unknown): Promise<void> =>
        appendAudit(
          { store, clock: systemClock, newId },
          {
            by,
            from: null,
            action: `tokens.${verb}`,
            records: [`tokens/${name}`],
            change,
            request_id: null,
          },
        );
      const direct: Tokens = {
        async create(wanted) {
          const text = await tokens.createToken(store, systemClock, wanted);
          await note('create', wanted.name, { scope: wanted.scope, expires_at: wanted.expiresAt });
          if (!tokens.hasFullToken(await tokens.listTokens(store), systemClock.now())) {
            io.stderr.write(
              'no token is of scope full: operators get in with one from "token create NAME --scope full"\n',
            );
          }
          return text;
        },
        list: () => tokens.shownTokens(store),
        damaged: () => tokens.damagedTokens(store),
        async revoke(name) {
          await tokens.revokeToken(store, name);
          await note('delete', name, null);
        },
      };
      return await act(direct, args, io);
    } finally {
      await store.close();
    }
  },
});

/** The user's name; the number of a user who has none, as in a container. */
async function userName(): Promise<string> {
  const { userInfo } = await import('node:os');
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

interface Wanted extends FormatArgs {
  readonly action: 'create' | 'list' | 'revoke';
  readonly name: string | undefined;
  readonly scope: NewToken['scope'] | undefined;
  readonly expires: string | undefined;
  readonly tags: string | undefined;
}

async function act(tokens: Tokens, wanted: Wanted, io: Io): Promise<number> {
  const { action, name, scope, expires } = wanted;
  const tags = wanted.tags?.split(',').filter((tag) => tag !== '');
  if (action === 'list') {
    await printList(await tokens.list(), wanted, io);
    const damaged = await tokens.damaged();
    for (const { record, error } of damaged)
      io.stderr.write(`${record}: ${error} [store.damaged]\n`);
    return damaged.length === 0 ? 0 : 1;
  }
  if (name === undefined || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) {
    throw usage('name the token: up to 63 letters, digits, ".", "_" or "-"');
  }
  if (action === 'revoke') {
    await tokens.revoke(name);
    return 0;
  }
  if (scope === undefined) throw usage('add --scope read, operate, full or enrol');
  if (tags !== undefined && (scope === 'enrol' || tags.length === 0)) {
    throw usage('--tags names tags, of machines that are registered: not with --scope enrol');
  }
  const text = await tokens.create({
    name,
    scope,
    expiresAt: expiry(expires, new Date()),
    tags,
  });
  io.print((await asDataLine(wanted, { name, scope, token: text })) ?? `${text}\n`);
  return 0;
}

async function printList(tokens: readonly Shown[], args: FormatArgs, io: Io): Promise<void> {
  // A server of version 0.1.0 does not tell when a token was last used.
  const shown = tokens.map((one) => ({ ...one, last_used: one.last_used ?? null }));
  const lines = shown.map(({ name, scope, tags, created_at, expires_at, last_used }) => {
    const cells = [
      name.padEnd(24),
      scope.padEnd(7),
      `created ${created_at}`,
      ...(expires_at === null ? [] : [`expires ${expires_at}`]),
      ...(tags === undefined ? [] : [`tags ${tags.join(', ')}`]),
      ...(last_used === null ? [] : [`used ${last_used}`]),
    ];
    return `${cells.join('  ')}\n`;
  });
  io.print((await asData(args, shown)) ?? lines.join(''));
}

function usage(message: string): AppError {
  return new AppError('usage.invalid', `${message} (see dragonfly-server token --help)`);
}

function running(cause: AppError): AppError {
  return new AppError(
    'store.in-use',
    'a server is using this data: add --server http://HOST:PORT, where it listens (with DRAGONFLY_TOKEN once there are tokens), or stop the server',
    { cause },
  );
}

function throughServer(url: string, bearer: string | undefined): Tokens {
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const headers = {
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const response = await fetch(new URL(path, url), {
      method,
      headers,
      signal: AbortSignal.timeout(10_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      throw new AppError('server.unreachable', `cannot reach ${url}`, { cause });
    });
    const text = await response.text();
    if (response.ok) return text === '' ? undefined : JSON.parse(text);
    throw new AppError('server.rejected', `${url} answered ${response.status}: ${errorOf(text)}`);
  };
  // The server's answers follow the schemas behind these types.
  // oxlint-disable typescript/no-unsafe-type-assertion
  return {
    async create({ name, scope, expiresAt, tags }) {
      const expires_at = expiresAt?.toISOString() ?? null;
      const body = { name, scope, expires_at, ...(tags === undefined ? {} : { tags }) };
      return ((await call('POST', '/api/tokens', body)) as { token: string }).token;
    },
    list: async () => ((await call('GET', '/api/tokens')) as { tokens: Shown[] }).tokens,
    damaged: async () => ((await call('GET', '/api/tokens')) as TokenList).damaged ?? [],
    revoke: async (name) => void (await call('DELETE', `/api/tokens/${name}`)),
  };
  // oxlint-enable typescript/no-unsafe-type-assertion
}

function errorOf(text: string): string {
  try {
    const { error }: { error?: unknown } = JSON.parse(text);
    return typeof error === 'string' ? error : text;
  } catch {
    return text.slice(0, 200);
  }
}
