// The machine that the agent runs on, as the loop sees it: its inventory, addresses and orders.
import { networkInterfaces } from 'node:os';
import { AppError } from '../core/errors.ts';
import type { CheckinRequest } from '../model/api.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Root } from '../sources/root.ts';
import { checkinRequest } from './checkin.ts';
import type { Subject } from './loop.ts';
import type { Order } from './state.ts';

export interface HostSubjectOptions {
  readonly root: Root;
  readonly agentVersion: string;
  /** Takes the inventory anew. */
  readonly inventory: () => Promise<Inventory>;
  /** The server is on this very host, so that no network is needed to reach it. */
  readonly serverIsLocal: boolean;
}

/** This host, or a captured one that is replayed: it reads, and carries out nothing. */
export class HostSubject implements Subject {
  readonly #o: HostSubjectOptions;

  constructor(options: HostSubjectOptions) {
    this.#o = options;
  }

  addresses(): readonly string[] {
    return ownAddresses(this.#o.serverIsLocal).map((a) => a.address);
  }

  async describe(): Promise<CheckinRequest> {
    const { root, agentVersion } = this.#o;
    const inventory = await this.#o.inventory();
    return checkinRequest(inventory, {
      agentVersion,
      hostname: (await readLine(root, '/proc/sys/kernel/hostname')) ?? undefined,
      ipAddress: addressOf(inventory.identity.primary_mac, ownAddresses(this.#o.serverIsLocal)),
      nameservers: await readNameservers(root),
    });
  }

  act(order: Order): Promise<{ final: boolean }> {
    return Promise.reject(
      new AppError('action.unsupported', `this agent does not carry out "${order.action}"`),
    );
  }
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

async function readLine(root: Root, path: string): Promise<string | undefined> {
  const text = await root.text(path).catch(() => undefined);
  return text?.split('\n')[0]?.trim() || undefined;
}
