// `dragonfly-server serve`, its default command: runs the server until it is told to stop.
import { statSync } from 'node:fs';
import { join, resolve as absolutePath } from 'node:path';
import { AppError } from '../../../core/errors.ts';
import type { Log } from '../../../core/log.ts';
import { shownSettings } from '../../../core/settings/settings.ts';
import type { ImageFolder } from '../../../store/images/folder.ts';
import { command, type Io } from '../../command.ts';
import { asData, formatOptions, type FormatArgs } from '../../formats.ts';
import { settingsText } from '../../setting-options.ts';
import { bytesText } from '../../text/inventory-table.ts';
import { oidcOptions } from '../settings/oidc-settings.ts';
import type { Store } from '../../../store/store.ts';
import type { Boots } from './boots.ts';
import { tlsTexts, watchCertificates } from './certificates.ts';
import { listen, parseListen } from './listen.ts';
import { stop } from './stop.ts';
import type { Waiting } from './waiting.ts';
import {
  allSettings,
  readText,
  secretKeys,
  serverConfiguration,
  serverSettings,
  storeAccess,
  storeUrl,
  type ServerConfiguration,
} from '../settings/server-settings.ts';

export const serve = command({
  name: 'serve',
  describe: 'run the server until it is stopped',
  examples: [
    'serve --listen 0.0.0.0:3000',
    'serve --listen 0.0.0.0:3000 --boot-dir dist/boot --netboot',
    'serve --print-config',
  ],
  settings: allSettings,
  options: {
    'print-config': {
      type: 'boolean',
      describe: 'print each setting and where its value came from, then exit',
    },
    ...formatOptions,
    output: {
      ...formatOptions.output,
      describe: 'with --print-config: the output format (default: table)',
    },
  },
  async run(args, io) {
    const configuration = await serverConfiguration(args, io);
    if (args['print-config']) {
      await printSettings(configuration, args, io);
      return 0;
    }
    const [{ Waiting }, log] = await Promise.all([import('./waiting.ts'), io.log()]);
    const waiting = new Waiting();
    let isWritten = false;
    try {
      const store = await open(configuration, waiting, io);
      if (store === undefined) {
        log.info({}, 'stopped during the check of the data, which the next start repeats');
        return 0;
      }
      try {
        isWritten = await run(configuration, store, waiting, log, io);
      } finally {
        await store.close();
      }
    } finally {
      waiting.end();
    }
    if (isWritten) log.info({}, 'stopped; everything is written');
    else log.error({}, 'stopped; not everything could be written: the errors before say what');
    return isWritten ? 0 : 1;
  },
});

/** Opens the store; undefined if the server was stopped meanwhile. */
async function open(
  configuration: ServerConfiguration,
  waiting: Waiting,
  { signal, stdout }: Io,
): Promise<Store | undefined> {
  const { openStore } = await import('../../../store/open.ts');
  const { values } = configuration;
  const onCheck = async (bytes: number) => {
    const url = await waiting.listen({
      ...parseListen(values.listen),
      tls: tlsTexts(configuration),
      connectionsPerAddress: values.connections_per_address,
    });
    stdout.write(
      `checking the data of the last server, which did not close it (${bytesText(bytes)}); ` +
        `until then ${url} answers /api/health and /api/ready alone\n`,
    );
    return waiting.progress;
  };
  try {
    const access = storeAccess(configuration);
    return await openStore(storeUrl(configuration), { ...access, signal, onCheck });
  } catch (err) {
    if (err === signal.reason) return undefined;
    throw err;
  }
}

/** Runs the server until it is stopped. True if everything that it knew is written. */
async function run(
  configuration: ServerConfiguration,
  store: Store,
  waiting: Waiting,
  log: Log,
  io: Io,
): Promise<boolean> {
  let isWritten = true;
  const { values } = configuration;
  const [{ createApp }, { Auth }, { SecretBox }, { StoreHealth }, { isLoopback }, { systemClock }] =
    await Promise.all([
      import('../../../server/app.ts'),
      import('../../../server/access/auth.ts'),
      import('../../../server/access/secrets.ts'),
      import('../../../server/running/store-health.ts'),
      import('../../../server/http/connections.ts'),
      import('../../../core/clock.ts'),
    ]);
  const auth = { enrolmentToken: enrolmentToken(configuration), stockAgents: values.stock_agents };
  const { host, port } = parseListen(values.listen);
  const oidc = oidcOptions(values, readText);
  const gate = new Auth(store, systemClock, new StoreHealth(systemClock), auth);
  const isOpen = oidc === undefined && !(await gate.isConfigured());
  const isLocked = oidc === undefined && (await gate.isLocked());
  const required = !isLoopback(host);
  if (isOpen && required) throw unconfigured(values.listen);
  const { openForBoots, others, refuseUnreachable } = await import('./boots.ts');
  refuseUnreachable(values);
  const app = await createApp({
    store,
    clock: systemClock,
    log,
    version: io.version,
    auth: { ...auth, required },
    oidc,
    ...(await appOptions(configuration)),
    onUnwritten: () => {
      isWritten = false;
    },
  });
  if (values.secret_key_file !== undefined && !new SecretBox(secretKeys(configuration)).hasKey) {
    log.warn(
      { secret_key_file: values.secret_key_file },
      'the file holds no key: no BMC password can be stored, and secrets of webhooks stand in clear; dragonfly-server rotate-key makes one',
    );
  }
  const stopWatching = watchCertificates(app, configuration, log);
  let boots: Boots | undefined;
  try {
    const url = (await waiting.handOver(app.server)) ?? (await listen(app.server, host, port)).url;
    boots = await openForBoots({ app, values, url, store, log });
    io.stdout.write(`dragonfly-server listens on ${url}${others(host)}\n`);
    for (const line of boots.says) io.stdout.write(`${line}\n`);
    sayWhoGetsIn(io, {
      isOpen,
      isLocked,
      takesStockAgents: values.stock_agents,
      issuer: oidc?.issuer,
    });
    await aborted(io.signal);
  } finally {
    stopWatching();
    await stop(app, { boots, waiting });
  }
  return isWritten;
}

/** The options of the app that stand in settings as they are. */
async function appOptions(configuration: ServerConfiguration) {
  const { values } = configuration;
  const tls = tlsTexts(configuration);
  return {
    secretKeys: secretKeys(configuration),
    liveness: {
      intervalSeconds: values.heartbeat_interval,
      maxBeatsPerSecond: values.max_heartbeat_rate,
    },
    webhooks: {
      networks: values.webhook_networks,
      ca: values.webhook_cacert === undefined ? undefined : readText(values.webhook_cacert),
    },
    connectionsPerAddress: values.connections_per_address,
    storeBytes: values.store === undefined ? () => dataBytes(values.data) : undefined,
    publicUrl: values.public_url,
    boot: bootOptions(values),
    images: await imageFolder(values.image_dir),
    ...(tls === undefined ? {} : { tls }),
  };
}

function bootOptions({ boot_dir: dir, boot_append: append }: ServerConfiguration['values']) {
  return { dir: dir && absolutePath(dir), append };
}

/** The size of the embedded store's file. */
function dataBytes(directory: string): number | undefined {
  return statSync(join(directory, 'data.mdb'), { throwIfNoEntry: false })?.size;
}

interface Entrance {
  readonly isOpen: boolean;
  readonly isLocked: boolean;
  readonly takesStockAgents: boolean;
  /** The OpenID provider. */
  readonly issuer: string | undefined;
}

/** Tells the operator who gets in. */
function sayWhoGetsIn(io: Io, { isOpen, isLocked, takesStockAgents, issuer }: Entrance): void {
  if (issuer !== undefined) io.stdout.write(`Operators may sign in with ${issuer}\n`);
  if (isOpen) {
    io.stdout.write(
      'There are no tokens yet: everybody on this host has full access, nobody else has any.\n' +
        'Create one with: dragonfly-server token create NAME --scope full\n',
    );
  }
  if (isLocked) {
    io.stdout.write(
      'This store has had tokens and has none any more: nobody gets in.\n' +
        'Stop the server and create one: dragonfly-server token create NAME --scope full\n',
    );
  }
  if (takesStockAgents) {
    io.stdout.write(
      'Stock agents are let in: whoever knows the MAC and the disks of a silent machine can pass for it\n' +
        'and gets the secrets in the template of its active workflow.\n',
    );
  }
}

function unconfigured(listens: string): AppError {
  return new AppError(
    'auth.unconfigured',
    `refusing to listen on ${listens}: without tokens anybody on the network could do anything. ` +
      'Create one with "dragonfly-server token create NAME --scope full" (agents: --scope enrol), ' +
      'or listen on 127.0.0.1',
  );
}

function enrolmentToken({ values }: ServerConfiguration): string | undefined {
  const file = values.enrolment_token_file;
  const token = values.enrolment_token ?? (file === undefined ? undefined : readText(file).trim());
  if (token === undefined || /^[\x21-\x7e]{16,256}$/.test(token)) return token;
  throw new AppError(
    'config.invalid',
    'the enrolment token must have 16 to 256 characters and no spaces; make one with: openssl rand -hex 32',
  );
}

/** Errors: AppError `image.folder` for one that cannot be read. */
async function imageFolder(path: string | undefined): Promise<ImageFolder | undefined> {
  if (path === undefined) return undefined;
  const { ImageFolder } = await import('../../../store/images/folder.ts');
  const folder = new ImageFolder(absolutePath(path));
  await folder.list();
  return folder;
}

async function printSettings(
  configuration: ServerConfiguration,
  args: FormatArgs,
  io: Io,
): Promise<void> {
  const shown = shownSettings(serverSettings, configuration);
  io.print((await asData(args, shown)) ?? `${settingsText(shown).join('\n')}\n`);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}
