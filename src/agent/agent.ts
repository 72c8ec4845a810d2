// Puts an agent together: the machine, its boot, the way to the servers, and the loop over them.
import { systemClock, type Clock } from '../core/clock.ts';
import { silentLog, type Log } from '../core/log.ts';
import type { CheckinResponse } from '../model/api/agent.ts';
import { HostRoot } from '../sources/host.ts';
import { openRoot } from '../sources/open.ts';
import type { Root } from '../sources/root.ts';
import type { ActionRunners } from './orders/actions.ts';
import { openJournal } from './orders/journal.ts';
import { openBoot, type Boot, type Notebook } from './boot.ts';
import { Conversation } from './conversation.ts';
import { splitZone } from '../transport/address.ts';
import { withFailover } from '../transport/failover.ts';
import { HostSubject } from './orders/host.ts';
import { loadActions, remoteShell, type HostServices } from './orders/loaded.ts';
import { runLoop, type LoopOptions } from './loop.ts';
import type { PinnedTrust as Trust } from '../transport/pinned-trust.ts';
import { Logbook } from './logbook.ts';
import { isLoopback, type ProxySettings } from '../transport/proxy.ts';
import { Spool } from './spool.ts';
import { Timeline } from './timeline.ts';
import { HttpTransport } from '../transport/transport.ts';

export interface AgentOptions {
  /** The addresses of the servers, the preferred one first. */
  readonly servers: readonly string[];
  readonly agentVersion: string;
  /** Aborted to stop the agent. */
  readonly signal: AbortSignal;
  /** The MAC of the port booted from, where it is known better than from the kernel command line. */
  readonly bootMac?: string | undefined;
  /** The host to speak for; this one when left out, or the path of a captured one. */
  readonly root?: Root | string | undefined;
  /** The bearer token for check-ins, where the server wants one. */
  readonly token?: string | undefined;
  readonly proxy?: ProxySettings | undefined;
  /** The SHA-256 of the one CA to trust, in lower-case hex. */
  readonly caSha256?: string | undefined;
  /** True to let the agent reboot and run workflows on the server's order; otherwise it refuses. */
  readonly mayAct?: boolean;
  /** Workflow actions of an embedder, beside the agent's own or in their place. */
  readonly runners?: ActionRunners;
  /** True to carry out workflows of `runners` and nothing else: no action of the agent's own, no reboot. */
  readonly onlyRunners?: boolean;
  /** True if the runners write only below a folder of their own and touch no disk: plans then name none. */
  readonly isConfined?: boolean;
  /** Beats at least this often, whatever the server says. */
  readonly maxIntervalSeconds?: number | undefined;
  /** Keeps the sequence, the waiting reports and what was done of a workflow across restarts of the agent. */
  readonly notebooks?:
    | { readonly sequence: Notebook; readonly spool: Notebook; readonly workflow?: Notebook }
    | undefined;
  /** True to send the log to the server, which keeps it with the machine. */
  readonly sendsLog?: boolean;
  readonly log?: Log;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly onState?: LoopOptions['onState'];
}

/** Keeps a machine registered with its server until the signal is aborted.
 *  Errors: only those of a wrong option; whatever the network and the server do is retried. */
export async function runAgent(options: AgentOptions): Promise<void> {
  const loop = await assemble(options);
  try {
    await runLoop(loop);
  } finally {
    await loop.transport.close();
    await loop.spool.saved();
  }
}

/** Checks in a single time and gives the server's answer.
 *  Errors: AppError `server.*`, `identity.no-mac`. */
export async function checkInOnce(options: AgentOptions): Promise<CheckinResponse> {
  const loop = await assemble(options);
  try {
    return await new Conversation(loop).checkIn('', () => loop.subject.describe());
  } finally {
    await loop.transport.close();
  }
}

async function assemble(options: AgentOptions): Promise<LoopOptions> {
  const { clock = systemClock, agentVersion, signal, notebooks } = options;
  const root = typeof options.root === 'object' ? options.root : await openRoot(options.root);
  const boot = await openBoot(
    root instanceof HostRoot ? root : undefined,
    clock,
    // Loaded for a captured machine alone: it takes 4 MB.
    async () => (await import('node:crypto')).randomUUID(),
    notebooks?.sequence,
  );
  const timeline = await Timeline.open(root, boot);
  const logbook = options.sendsLog === true ? new Logbook({ root, boot, clock }) : undefined;
  const log = logbook?.over(options.log ?? silentLog) ?? options.log ?? silentLog;
  const { caSha256 } = options;
  const connection = {
    clock,
    userAgent: `dragonfly-agent/${agentVersion}`,
    proxy: options.proxy,
    onStep: (step: 'dns' | 'tcp' | 'tls') => timeline.mark(step),
    trust: caSha256 === undefined ? undefined : await pinnedTrust(caSha256, root, clock, log),
  };
  const servers = options.servers.map((url) => ({
    url,
    transport: new HttpTransport(url, connection),
  }));
  const services = { root, log, options, connection };
  return {
    clock,
    boot,
    timeline,
    signal,
    log,
    logbook,
    random: options.random ?? Math.random,
    transport: withFailover(servers, clock, log),
    spool: await Spool.open(notebooks?.spool),
    enrolToken: options.token,
    bootMac: options.bootMac,
    maxIntervalSeconds: options.maxIntervalSeconds,
    onState: options.onState,
    subject: subjectOf(services, boot),
  };
}

/** This host, or the captured one, as the loop acts on it. */
function subjectOf(services: HostServices, boot: Boot): HostSubject {
  const { root, options } = services;
  const { agentVersion, mayAct = false, onlyRunners = false } = options;
  const { clock } = services.connection;
  return new HostSubject({
    root,
    agentVersion,
    examine: () => examine(root, options),
    // A captured machine hears nothing.
    listen: root instanceof HostRoot ? (until) => listen(clock, until) : undefined,
    serverIsLocal: options.servers.some((url) => isLoopback(splitZone(url).url)),
    mayAct,
    runners: options.runners,
    onlyRunners,
    isConfined: options.isConfined,
    journal: openJournal(boot.id, options.notebooks?.workflow),
    // A captured machine is not there to be changed.
    actions:
      root instanceof HostRoot
        ? (planned) =>
            loadActions(services, {
              planned,
              bootId: boot.id,
              disks: () => disksOf(root, options),
            })
        : undefined,
    shell: root instanceof HostRoot ? remoteShell(services) : undefined,
  });
}

/** The disks as they are now; undefined when they could not be read. */
async function disksOf(root: Root, options: AgentOptions) {
  return (await examine(root, options)).inventory.hardware.disks;
}

/** Loads the probes only when they are wanted, as each command does. */
async function examine(root: Root, { bootMac, clock }: AgentOptions) {
  const { explainInventory } = await import('../inventory/inventory.ts');
  try {
    return await explainInventory(root, { bootMac, ...(clock === undefined ? {} : { clock }) });
  } finally {
    if (root instanceof HostRoot) await root.endReaders();
  }
}

/** Loaded once in a boot. */
async function listen(clock: Clock, signal: AbortSignal) {
  const [{ hearNeighbours }, { openRoot: open }] = await Promise.all([
    import('../probes/neighbours/hear.ts'),
    import('../sources/open.ts'),
  ]);
  return await hearNeighbours(open, { clock, signal });
}

async function pinnedTrust(caSha256: string, root: Root, clock: Clock, log: Log): Promise<Trust> {
  const { PinnedTrust } = await import('../transport/pinned-trust.ts');
  return new PinnedTrust({
    caSha256,
    now: () => clock.now(),
    setClock: async (date) => {
      log.warn({ from: clock.now(), to: date }, 'setting the clock to the time of the server');
      await root.exec('date', ['-u', '-s', `@${Math.round(date.getTime() / 1_000)}`]);
    },
  });
}
