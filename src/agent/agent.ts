// Puts an agent together: the machine, its boot, the way to the servers, and the loop over them.
import { randomUUID } from 'node:crypto';
import { systemClock, type Clock } from '../core/clock.ts';
import { silentLog, type Log } from '../core/log.ts';
import type { CheckinResponse } from '../model/api.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Root } from '../sources/root.ts';
import { openRoot } from '../sources/open.ts';
import { openBoot, type Boot, type Notebook } from './boot.ts';
import type { ProxySettings } from './connections.ts';
import { HostSubject } from './host.ts';
import { runLoop, type LoopOptions, type Subject } from './loop.ts';
import { HttpTransport, type Transport } from './transport.ts';

export interface AgentOptions {
  /** The server's address. */
  readonly server: string;
  readonly agentVersion: string;
  /** Aborted to stop the agent. */
  readonly signal: AbortSignal;
  /** The host to speak for; this one when left out, or the path of a captured one. */
  readonly root?: Root | string;
  /** Takes the inventory. */
  readonly inventory: (root: Root) => Promise<Inventory>;
  /** The bearer token for check-ins, where the server wants one. */
  readonly token?: string | undefined;
  readonly proxy?: ProxySettings;
  /** Keeps the sequence over a restart of the agent. */
  readonly notebook?: Notebook | undefined;
  readonly log?: Log;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly onState?: LoopOptions['onState'];
}

/** Keeps a machine registered with its server until the signal is aborted.
 *  Errors: only those of a wrong option; whatever the network and the server do is retried. */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { subject, transport, boot, clock } = await assemble(options);
  try {
    await runLoop({
      subject,
      transport,
      boot,
      clock,
      random: options.random ?? Math.random,
      signal: options.signal,
      log: options.log ?? silentLog,
      enrolToken: options.token,
      ...(options.onState === undefined ? {} : { onState: options.onState }),
    });
  } finally {
    await transport.close();
  }
}

/** Checks in a single time and gives the server's answer.
 *  Errors: AppError `server.*`, `identity.no-mac`. */
export async function checkInOnce(options: AgentOptions): Promise<CheckinResponse> {
  const { subject, transport, boot } = await assemble(options);
  try {
    const request = {
      ...(await subject.describe()),
      boot_id: boot.id,
      sequence: await boot.nextSequence(),
    };
    return await transport.checkIn(request, { signal: options.signal, token: options.token });
  } finally {
    await transport.close();
  }
}

interface Parts {
  readonly subject: Subject;
  readonly transport: Transport;
  readonly boot: Boot;
  readonly clock: Clock;
}

async function assemble(options: AgentOptions): Promise<Parts> {
  const { clock = systemClock, agentVersion } = options;
  const root = typeof options.root === 'object' ? options.root : await openRoot(options.root);
  return {
    clock,
    subject: new HostSubject({
      root,
      agentVersion,
      inventory: () => options.inventory(root),
      serverIsLocal: isLoopback(new URL(options.server)),
    }),
    transport: new HttpTransport(options.server, {
      clock,
      userAgent: `dragonfly-agent/${agentVersion}`,
      ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    }),
    boot: await openBoot(root, clock, randomUUID, options.notebook),
  };
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}
