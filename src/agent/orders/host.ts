// The machine that the agent runs on, as the loop sees it: its inventory, addresses and orders.
import { networkInterfaces } from 'node:os';
import { AppError } from '../../core/errors.ts';
import type { CheckinRequest } from '../../model/api.ts';
import type { Inventory } from '../../model/inventory.ts';
import { readNetbootImage } from '../../probes/machine-id.ts';
import { Reading } from '../../probes/reading.ts';
import type { Root } from '../../sources/root.ts';
import { runWorkflow, type ActionRunners } from './actions.ts';
import { checkinRequest } from '../checkin.ts';
import type { OrderContext, Subject } from '../loop.ts';
import type { Order } from '../state.ts';

export interface HostSubjectOptions {
  readonly root: Root;
  readonly agentVersion: string;
  /** Takes the inventory anew. */
  readonly inventory: () => Promise<Inventory>;
  /** The server is on this very host, so that no network is needed to reach it. */
  readonly serverIsLocal: boolean;
  /** Whether orders are carried out; else they are refused. */
  readonly mayAct: boolean;
  /** Beside `reboot`, which every agent knows. */
  readonly runners?: ActionRunners | undefined;
}

/** This host, or a captured one that is replayed. */
export class HostSubject implements Subject {
  readonly #o: HostSubjectOptions;

  constructor(options: HostSubjectOptions) {
    this.#o = options;
  }

  addresses(): readonly string[] {
    return ownAddresses(this.#o.serverIsLocal).map((a) => a.address);
  }

  async describe(): Promise<CheckinRequest> {
    const { root, agentVersion, serverIsLocal } = this.#o;
    const inventory = await this.#o.inventory();
    return checkinRequest(inventory, {
      agentVersion,
      ipAddress: addressOf(inventory.identity.primary_mac, ownAddresses(serverIsLocal)),
      nameservers: await readNameservers(root),
    });
  }

  async act(order: Order, server: OrderContext): Promise<{ final: boolean }> {
    if (order.action === 'localboot' && !(await isNetbootImage(this.#o.root)))
      return { final: true };
    if (!this.#o.mayAct) await refuse(order, server);
    if (order.action === 'execute') await this.#execute(order.workflowId ?? '', server);
    else await this.#reboot();
    return { final: true };
  }

  /** A workflow's reboot is carried out at its end: nothing could be reported after it. */
  async #execute(id: string, server: OrderContext): Promise<void> {
    const { templateRef } = await server.workflow(id);
    const template = await server.template(templateRef);
    let isReboot = false;
    await runWorkflow(id, template, {
      ...server,
      runners: {
        ...this.#o.runners,
        reboot: async () => {
          isReboot = true;
        },
      },
      report: (event) => server.event(id, event),
    });
    if (isReboot) await this.#reboot();
  }

  /** `localboot` leaves the netboot image by a reboot too: the server's boot script then names the disk. */
  async #reboot(): Promise<void> {
    await this.#o.root.exec('sync', []);
    const output = await this.#o.root.exec('reboot', []);
    if (output === undefined) {
      throw new AppError('action.failed', 'cannot reboot: there is no reboot command on this host');
    }
  }
}

/** On an installed system `localboot` has come true already: a reboot would only lead back to it. */
async function isNetbootImage(root: Root): Promise<boolean> {
  const read = new Reading(root, 'machineId', () => {});
  return (await readNetbootImage(read)) !== null;
}

/** Tells the server that it waits in vain. */
async function refuse({ action, workflowId }: Order, server: OrderContext): Promise<never> {
  if (workflowId !== null) {
    server.event(workflowId, { type: 'completed', workflow: workflowId, success: false });
    await server.flush();
  }
  throw new AppError(
    'action.refused',
    `this agent only reports and does not carry out "${action}"; start it with --act or dragonfly.mode=`,
  );
}

interface OwnAddress {
  readonly mac: string;
  readonly address: string;
}

/** The addresses of this host that others can reach, or all of them. A link-local IPv6 address is
 *  there before any network is. */
function ownAddresses(all: boolean): readonly OwnAddress[] {
  const list = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return list.filter((a) => all || !(a.internal || a.address.startsWith('fe80:')));
}

/** The address of the port with this MAC, else the first one. */
function addressOf(mac: string | null, addresses: readonly OwnAddress[]): string | undefined {
  return (addresses.find((a) => a.mac === mac) ?? addresses[0])?.address;
}

/** Source: resolv.conf(5). */
async function readNameservers(root: Root): Promise<string[]> {
  const text = await root.text('/etc/resolv.conf').catch(() => undefined);
  return [...(text ?? '').matchAll(/^\s*nameserver\s+(\S{1,64})/gm)].map((m) => m[1] ?? '');
}
