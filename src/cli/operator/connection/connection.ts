// The connection to the server: from flags, else the environment, else the context in use.
import type { Client } from '../../../client/client.ts';
import { AppError, isAppError } from '../../../core/errors.ts';
import { readNamedFile } from '../../../core/files/named-file.ts';
import { proxyFrom } from '../../../transport/proxy.ts';
import type { Io } from '../../command.ts';
import { contextsPath, contextToken, readContexts, tokenIn, type Context } from './contexts.ts';

export const connectionOptions = {
  server: {
    type: 'string',
    value: 'URL',
    describe: 'the server (else DRAGONFLY_SERVER, else that of the context)',
  },
  context: {
    type: 'string',
    value: 'NAME',
    names: 'contexts',
    describe:
      'a context of "dragonfly context list" (else DRAGONFLY_CONTEXT, else the current one)',
  },
  'token-file': {
    type: 'string',
    value: 'FILE',
    describe: 'holds the token (else DRAGONFLY_TOKEN, else that of the context)',
  },
  'ca-file': { type: 'string', value: 'FILE', describe: "the server's CA, PEM" },
} as const;

export interface ConnectionArgs {
  readonly server: string | undefined;
  readonly context: string | undefined;
  readonly 'token-file': string | undefined;
  readonly 'ca-file': string | undefined;
}

const usualServer = 'http://127.0.0.1:3000';

/** Runs `work` with a client, which is closed afterwards. Errors: AppError `config.invalid`, and those of
 *  the work. */
export async function withClient(
  args: ConnectionArgs,
  io: Io,
  work: (client: Client) => Promise<number>,
  { timeoutMs }: { readonly timeoutMs?: number } = {},
): Promise<number> {
  const { Client: ClientClass } = await import('../../../client/client.ts');
  const { server, ...options } = connectionOf(args, io);
  const client = new ClientClass(server, {
    ...options,
    pinSetting: '--ca-file, or in a context with --ca-sha256',
    proxy: proxyFrom(io.env),
    signal: io.signal,
    timeoutMs,
    userAgent: `dragonfly/${io.version}`,
  });
  try {
    return await work(client);
  } catch (err) {
    throw isAppError(err, 'auth.required') ? withoutGoodToken(err, options.token) : err;
  } finally {
    await client.close();
  }
}

/** The server's refusal, with the places that this program takes a token from: it sends none by hand. */
function withoutGoodToken(cause: AppError, token: string | undefined): AppError {
  const message = token === undefined ? 'no token was sent' : 'the token that was sent is no good';
  return new AppError(
    'auth.required',
    `${message}: set DRAGONFLY_TOKEN, or name a file that holds one with --token-file or in a context`,
    { cause, details: cause.details },
  );
}

interface Connection {
  readonly server: string;
  readonly token: string | undefined;
  readonly ca: string | undefined;
  readonly caSha256: string | undefined;
}

function connectionOf(args: ConnectionArgs, io: Io): Connection {
  const named = args.context ?? io.env['DRAGONFLY_CONTEXT'];
  const given = args.server ?? io.env['DRAGONFLY_SERVER'];
  // A server named by hand is not sent the token of another one.
  const found = given === undefined || named !== undefined ? contextOf(named, io) : undefined;
  const { name = '', context } = found ?? {};
  const caFile = args['ca-file'] ?? context?.ca_file;
  const tokenFile = args['token-file'];
  const token =
    tokenFile === undefined
      ? (io.env['DRAGONFLY_TOKEN'] ?? (context && contextToken(name, context)))
      : tokenIn(tokenFile, readText(tokenFile));
  return {
    server: given ?? context?.server ?? usualServer,
    token,
    ca: caFile === undefined ? undefined : readText(caFile),
    caSha256: caFile === undefined ? context?.ca_sha256 : undefined,
  };
}

function contextOf(
  named: string | undefined,
  io: Io,
): { name: string; context: Context } | undefined {
  const path = contextsPath(io);
  const { current, contexts } = readContexts(path);
  const name = named ?? current;
  if (name === undefined) return undefined;
  const context = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (context !== undefined) return { name, context };
  const there = Object.keys(contexts).join(', ') || 'none';
  throw new AppError('config.invalid', `there is no context ${name} in ${path} (there: ${there})`);
}

function readText(file: string): string {
  try {
    return readNamedFile(file);
  } catch (cause) {
    throw new AppError('config.invalid', `cannot read ${file}`, { cause });
  }
}
