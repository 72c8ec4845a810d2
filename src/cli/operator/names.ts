// The names that a shell is offered while somebody types: read from the file of contexts, or from the server.
import type { Client } from '../../client/client.ts';
import type { Listing } from '../../client/listing.ts';
import { quoted } from '../../model/search/query.ts';
import type { Io } from '../command.ts';
import { withClient, type ConnectionArgs } from './connection/connection.ts';
import { contextsPath, readContexts } from './connection/contexts.ts';
import { titleOf } from './machines/selection.ts';

/** If it waits longer, the shell seems to hang. */
const patienceMs = 2000;

const readers: Readonly<
  Record<string, (client: Client, start: string) => Promise<readonly string[]>>
> = {
  machines: async ({ machines }, start) =>
    (await firstPage(machines.list(start === '' ? {} : { q: quoted(start) }))).map(titleOf),
  tags: async ({ machines }) => (await machines.tags()).map(({ tag }) => tag),
  templates: async ({ templates }) =>
    (await firstPage(templates.list())).map(({ metadata }) => metadata.name),
  tokens: async ({ tokens }) => (await tokens.list()).map(({ name }) => name),
  webhooks: async ({ webhooks }) => (await webhooks.list()).map(({ name }) => name),
  settings: async ({ settings }, start) =>
    (await firstPage(settings.list({ prefix: start }))).map(({ key }) => key),
};

/** Names of a kind for the last of `words`, at most a page of them. Errors: those of the connection. */
export async function namesFor(
  kind: string,
  words: readonly string[],
  io: Io,
): Promise<readonly string[]> {
  if (kind === 'contexts') return Object.keys(readContexts(contextsPath(io)).contexts);
  const start = words.at(-1)?.replace(/^--[^=]+=/, '') ?? '';
  let names: readonly string[] = [];
  const work = async (client: Client): Promise<number> => {
    names = (await readers[kind]?.(client, start)) ?? [];
    return 0;
  };
  await withClient(connectionIn(words), io, work, { timeoutMs: patienceMs });
  return names;
}

async function firstPage<T>(list: Listing<T>): Promise<readonly T[]> {
  return (await list.pages().next()).value ?? [];
}

/** The options of the connection, as far as they are typed. */
function connectionIn(words: readonly string[]): ConnectionArgs {
  const valueOf = (name: string): string | undefined => {
    const at = words.indexOf(`--${name}`);
    const joined = words.find((word) => word.startsWith(`--${name}=`));
    return at >= 0 ? words[at + 1] : joined?.slice(name.length + 3);
  };
  return {
    server: valueOf('server'),
    context: valueOf('context'),
    'token-file': valueOf('token-file'),
    'ca-file': valueOf('ca-file'),
  };
}
