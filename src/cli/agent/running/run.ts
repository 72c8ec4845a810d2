// `dragonfly-agent run`: keeps this host registered with its server.
import { constants, createWriteStream, existsSync, openSync } from 'node:fs';
import type { AgentOptions } from '../../../agent/agent.ts';
import type { Configuration } from '../../../agent/settings/config.ts';
import { agentSettings } from '../../../agent/settings/settings.ts';
import { systemClock } from '../../../core/clock.ts';
import type { Log } from '../../../core/log.ts';
import { command, type Io } from '../../command.ts';
import { agentConfiguration } from '../agent-settings.ts';
import type { SignOfLife } from './alive.ts';
import { plainLog } from './plain-log.ts';
import type { StatusScreen } from './status-screen.ts';

const clearScreen = '\u001b[2J';
const { O_WRONLY, O_NOCTTY } = constants;
/** The interval of drawing the screen anew, over what others wrote there. */
const redrawMs = 5_000;
const unguarded = 'nothing keeps a second agent of this host away';

/** The `run` command of the agent. Shows a status screen on a terminal unless a log level is set. */
export const run = command({
  name: 'run',
  describe: 'check in with the server and keep sending heartbeats',
  examples: ['run --server https://192.0.2.1:3000', 'run --server http://192.0.2.1:3000 --once'],
  settings: agentSettings,
  options: {
    once: { type: 'boolean', describe: 'check in once, print the answer as JSON and exit' },
    root: {
      type: 'string',
      value: 'FILE',
      describe: 'speak for a captured host: its directory or tar.gz file',
    },
    act: {
      type: 'boolean',
      describe: 'reboot and run workflows when the server says so; implied by a mode',
    },
    after: {
      type: 'string',
      value: 'FILE',
      describe: 'get ready, then wait for this file, made at boot once the network is up',
    },
    alive: {
      type: 'string',
      value: 'FILE',
      describe: 'write a count to this file every few seconds, for a supervisor',
    },
    screen: {
      type: 'string',
      value: 'FILE',
      describe: 'show the status screen on this terminal as well, from the start',
    },
    'state-dir': {
      type: 'string',
      value: 'DIR',
      describe: 'where the count of requests and waiting reports are kept',
      default: '/run/dragonfly',
    },
  },
  async run(args, io) {
    const [{ checkInOnce, runAgent }, { requireServers }, { openRoot }, { lockStateDir }] =
      await Promise.all([
        import('../../../agent/agent.ts'),
        import('../../../agent/settings/config.ts'),
        import('../../../sources/open.ts'),
        import('./lock.ts'),
        // Loaded early, while the network is still coming up.
        import('../../../inventory/inventory.ts'),
      ]);
    const ended = new AbortController();
    const signal = AbortSignal.any([io.signal, ended.signal]);
    const isThisHost = args.root === undefined || args.root === '/';
    let notLocked: string | undefined;
    const unlock = isThisHost
      ? lockStateDir(args['state-dir'], (reason) => (notLocked = reason))
      : undefined;
    const { screen, alive } = await openBeside(args, io.version, signal);
    try {
      if (args.after !== undefined && !(await appears(args.after, io.signal))) return 0;
      const root = await openRoot(args.root);
      // Not a capture's own settings: replaying a bug report must not call its server.
      const read = async () => agentConfiguration(args, io, await openRoot());
      const configuration =
        alive === undefined ? await read() : await awaitServer(read, alive, screen, io);
      if (alive !== undefined && io.signal.aborted) return 0;
      const { values } = configuration;
      const options: AgentOptions = {
        ...(await agentOptions(args['state-dir'], isThisHost, io)),
        root,
        servers: requireServers(configuration),
        bootMac: isThisHost || configuration.sources.mac === '--mac' ? values.mac : undefined,
        token: values.token,
        caSha256: values.ca_sha256,
        maxIntervalSeconds: values.interval,
        sendsLog: isThisHost,
        mayAct: isThisHost && (args.act || values.mode !== undefined),
      };
      if (args.once) {
        if (notLocked !== undefined) io.stderr.write(`${unguarded}: ${notLocked}\n`);
        io.stdout.write(`${JSON.stringify(await checkInOnce(options), null, 2)}\n`);
        return 0;
      }
      const { servers } = options;
      const serverSource = configuration.sources.url ?? '';
      if (io.stdout.isTTY && values.log === undefined) {
        await runOnTerminal(options, serverSource, notLocked, io);
        return 0;
      }
      const log = openLog(io, configuration, notLocked);
      log.info({ servers, source: serverSource }, 'agent started');
      screen?.tell({ servers, serverSource });
      const onState: AgentOptions['onState'] = (...what) => {
        alive?.note(what[0]);
        screen?.show(...what);
      };
      await runAgent({ ...options, log, onState });
      log.info({}, 'agent stopped');
      return 0;
    } finally {
      // They end with the command, however it ends: otherwise the process would stay and seem alive.
      ended.abort();
      unlock?.();
    }
  },
});

/** The settings once they name a server. Meanwhile the supervisor is told that none answers, and looks for another lease. */
async function awaitServer(
  read: () => Promise<Configuration>,
  alive: SignOfLife,
  screen: StatusScreen | undefined,
  io: Io,
): Promise<Configuration> {
  const { namedServer } = await import('./named-server.ts');
  const tell = (why: string): void => {
    plainLog(io.stderr, 'info', () => new Date()).warn({}, why);
    screen?.remember(why);
    alive.knowsNoServer();
  };
  return namedServer(read, tell, { clock: systemClock, signal: io.signal });
}

/** The log, with notes on the settings and the lock. */
function openLog(
  io: Io,
  { values, passedOver }: Configuration,
  notLocked: string | undefined,
): Log {
  const log = plainLog(io.stderr, values.log ?? 'info', () => new Date());
  for (const place of passedOver) log.warn({ place }, 'no server address');
  if (notLocked !== undefined) log.warn({ error: notLocked }, unguarded);
  return log;
}

async function runOnTerminal(
  options: AgentOptions,
  serverSource: string,
  notLocked: string | undefined,
  io: Io,
): Promise<void> {
  const [{ StatusScreen }, { runAgent }] = await Promise.all([
    import('./status-screen.ts'),
    import('../../../agent/agent.ts'),
  ]);
  const { servers } = options;
  const facts = { version: io.version, servers, serverSource, clock: systemClock };
  const screen = new StatusScreen(io.stdout, facts);
  io.stdout.write(clearScreen);
  if (notLocked !== undefined) screen.remember(`${unguarded}: ${notLocked}`);
  await runAgent({ ...options, onState: (...what) => screen.show(...what) });
  io.stdout.write('\n');
}

/** The screen and the sign of life, as far as they are asked for, until the signal aborts. */
async function openBeside(
  { screen, alive }: { readonly screen: string | undefined; readonly alive: string | undefined },
  version: string,
  signal: AbortSignal,
) {
  return {
    screen: screen === undefined ? undefined : await openScreen(screen, version, signal),
    alive: alive === undefined ? undefined : await openSign(alive, signal),
  };
}

/** A screen beside all else, which shows the machine while it waits for its network. A terminal that is not there, or
 *  goes away, is no reason to end. */
async function openScreen(
  path: string,
  version: string,
  signal: AbortSignal,
): Promise<StatusScreen | undefined> {
  const [{ StatusScreen }, { readScreenMachine }, { openRoot }] = await Promise.all([
    import('./status-screen.ts'),
    import('./screen-facts.ts'),
    import('../../../sources/open.ts'),
  ]);
  // Nobody's controlling terminal, so that Ctrl-C there ends nothing.
  let fd: number;
  try {
    fd = openSync(path, O_WRONLY | O_NOCTTY);
  } catch {
    return undefined;
  }
  const out = createWriteStream(path, { fd });
  out.on('error', () => {});
  const root = await openRoot();
  const screen = new StatusScreen(out, {
    version,
    servers: [],
    serverSource: '',
    clock: systemClock,
    help: 'Alt+F2 opens a shell, Alt+F3 shows the log; dragonfly-agent doctor says more',
  });
  const keepDrawn = async (): Promise<void> => {
    out.write(clearScreen);
    while (!signal.aborted && !out.destroyed) {
      screen.tell({ machine: await readScreenMachine(root) });
      screen.draw();
      await systemClock.sleep(redrawMs, signal).catch(() => {});
    }
    out.destroy();
  };
  void keepDrawn();
  return screen;
}

async function openSign(path: string, signal: AbortSignal) {
  const { SignOfLife } = await import('./alive.ts');
  const sign = new SignOfLife(path, systemClock);
  void sign.run(signal);
  return sign;
}

/** Resolves to true once the file exists, or to false if the signal is aborted first. */
async function appears(path: string, signal: AbortSignal): Promise<boolean> {
  while (!existsSync(path)) {
    if (signal.aborted) return false;
    await systemClock.sleep(20, signal).catch(() => {});
  }
  return true;
}

/** The options that are not settings. */
async function agentOptions(stateDir: string, isThisHost: boolean, io: Io) {
  const [{ openStateDir }, { proxyFrom }] = await Promise.all([
    import('./state-dir.ts'),
    import('../../../transport/proxy.ts'),
  ]);
  const proxy = proxyFrom(io.env);
  return {
    agentVersion: io.version,
    signal: io.signal,
    // A captured host is another machine, so its requests must not advance this one's sequence.
    notebooks: isThisHost ? await openStateDir(stateDir) : undefined,
    proxy: { ...proxy, https: proxy.https ?? proxy.http },
  };
}
