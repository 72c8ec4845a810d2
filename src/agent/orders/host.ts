// The machine that the agent speaks for, as the loop sees it: its inventory, addresses and orders.
import { AppError, describeError } from '../../core/errors.ts';
import type { CheckinRequest } from '../../model/api/agent.ts';
import type { WorkflowActions } from '../../actions/actions.ts';
import type { PlannedDisk } from '../../model/documents/planned-disk.ts';
import type { Facts, Inventory, NeighbourFacts } from '../../model/inventory.ts';
import type { FixedAddress, OwnAddress } from '../../model/network-setup.ts';
import { readKernelParameters } from '../../probes/kernel-command-line.ts';
import { readNetbootImage } from '../../probes/machine-id.ts';
import { readAddresses } from '../../probes/network/addresses.ts';
import { fixedAddress } from '../../probes/network/fixed-address.ts';
import { Reading } from '../../probes/reading.ts';
import { HostRoot } from '../../sources/host.ts';
import type { Root } from '../../sources/root.ts';
import type { TemplateToRun } from '../../transport/answers.ts';
import { classifyFailure } from '../../transport/failure.ts';
import { runWorkflow, type ActionRunners } from './actions.ts';
import type { Journal } from './journal.ts';
import { checkinRequest } from '../checkin.ts';
import { deviceNames } from '../devices.ts';
import type { OrderContext, Subject } from '../subject.ts';
import type { Order } from '../state.ts';
import type { Problem } from '../../model/problem.ts';
import type { RemoteShell } from './remote-shell.ts';

export interface HostSubjectOptions {
  readonly root: Root;
  readonly agentVersion: string;
  /** Takes the inventory anew. */
  readonly examine: () => Promise<{ inventory: Inventory; facts: Partial<Facts> }>;
  /** Hears the switches at the other ends of the cables. */
  readonly listen?: ((signal: AbortSignal) => Promise<NeighbourFacts | undefined>) | undefined;
  /** The server is on this very host, so that no network is needed to reach it. */
  readonly serverIsLocal: boolean;
  /** True to carry out orders; otherwise they are refused. */
  readonly mayAct: boolean;
  /** An embedder's, beside those of this agent or in their place. */
  readonly runners?: ActionRunners | undefined;
  /** True to carry out workflows of these runners and nothing else: no other action, no reboot. */
  readonly onlyRunners?: boolean;
  /** True if the runners write only below a folder of their own. */
  readonly isConfined?: boolean | undefined;
  /** The actions of this agent, for a workflow with this planned disk. */
  readonly actions?:
    | ((plannedDisk: PlannedDisk | undefined) => Promise<WorkflowActions>)
    | undefined;
  readonly journal?: Journal | undefined;
  /** Left out where nobody may open one: for a captured machine. */
  readonly shell?: RemoteShell | undefined;
}

/** This host, or a captured one that is replayed. */
export class HostSubject implements Subject {
  readonly #o: HostSubjectOptions;

  constructor(options: HostSubjectOptions) {
    this.#o = options;
  }

  /** The addresses that others can reach, or all of them. Link-local IPv6 addresses do not count, because
   *  they exist before any network does. A capture without addresses says nothing about this network. */
  async addresses(): Promise<readonly string[] | undefined> {
    const { root, serverIsLocal } = this.#o;
    const read = new Reading(root, 'addresses', () => {});
    const found = await readAddresses(read, { exact: false });
    const usable = found?.filter((a) => serverIsLocal || (a.is_up && isReachable(a)));
    const isUnknown = usable?.length === 0 && !(root instanceof HostRoot);
    return isUnknown ? undefined : usable?.map((a) => a.address);
  }

  /** A shell that is opened or shut is told by a check-in too. */
  async devices(): Promise<string> {
    const { root, shell } = this.#o;
    return `${await deviceNames(root)} ${shell?.shown?.host_key ?? ''}`;
  }

  admit(keys: readonly string[], tell: (problem: Problem) => void): void {
    this.#o.shell?.want(keys, tell);
  }

  async describe(): Promise<CheckinRequest> {
    const { inventory, facts } = await this.#o.examine();
    const inImage = await isNetbootImage(this.#o.root);
    return checkinRequest(inventory, {
      agentVersion: this.#o.agentVersion,
      ipAddress: reportedAddress(facts, inventory.identity.primary_mac),
      nameservers: facts.resolver?.nameservers,
      fixedAddress: inImage ? await this.#fixedAddress(facts) : undefined,
      inImage,
      isConfined: this.#o.isConfined,
      remoteShell: this.#o.shell?.shown,
    });
  }

  /** An installed system that was given one is asked by other means. */
  async #fixedAddress({ addresses = [] }: Partial<Facts>): Promise<FixedAddress | undefined> {
    const read = new Reading(this.#o.root, 'addresses', () => {});
    const parameters = await readKernelParameters(read);
    return parameters && fixedAddress(parameters, addresses);
  }

  /** In the netboot image alone: on a running host an operator asks, or lldpd knows. */
  async neighbours(signal: AbortSignal): Promise<NeighbourFacts[number][] | undefined> {
    const { root, listen } = this.#o;
    if (listen === undefined || !(await isNetbootImage(root))) return undefined;
    const heard = await listen(signal);
    return heard && [...heard];
  }

  async act(order: Order, server: OrderContext): Promise<{ final: boolean }> {
    if (order.action === 'localboot' && !(await isNetbootImage(this.#o.root)))
      return { final: true };
    const isRestricted = this.#o.onlyRunners === true && order.action !== 'execute';
    if (!this.#o.mayAct || isRestricted) await refuse(order, server);
    if (order.action === 'execute') await this.#execute(order.workflowId ?? '', server);
    else await this.#reboot();
    return { final: true };
  }

  async #execute(id: string, server: OrderContext): Promise<void> {
    const { templateRef, plannedDisk } = await server.workflow(id);
    const { template, actions } = await this.#prepare(id, templateRef, plannedDisk, server);
    try {
      await this.#carryOut(id, template, actions, server);
    } finally {
      await actions?.close();
    }
  }

  async #carryOut(
    id: string,
    template: TemplateToRun,
    actions: WorkflowActions | undefined,
    server: OrderContext,
  ): Promise<void> {
    const leave = await runWorkflow(id, template, {
      ...server,
      begin: () => server.begin(id),
      runners: {
        ...(this.#o.onlyRunners === true ? {} : this.#ownRunners(actions)),
        ...this.#o.runners,
      },
      check: actions?.check,
      journal: this.#o.journal,
      report: (event) => server.event(id, event),
    });
    if (leave === undefined) return;
    await server.delivered();
    server.signal.throwIfAborted();
    try {
      await leave();
    } catch (err) {
      await endWorkflow(id, describeError(err), server);
      throw err;
    }
  }

  #ownRunners(actions: WorkflowActions | undefined): ActionRunners {
    // Reported first: nothing can be after it.
    return { reboot: async () => ({ leave: () => this.#reboot() }), ...actions?.runners };
  }

  /** Fetches everything a workflow needs before it begins. A permanent failure ends it.
   *  Errors: those of the transport; any of the agent's own. */
  async #prepare(
    id: string,
    templateRef: string,
    plannedDisk: PlannedDisk | undefined,
    server: OrderContext,
  ) {
    try {
      const template = await server.template(templateRef);
      const own = this.#o.onlyRunners === true ? undefined : this.#o.actions;
      return { template, actions: await own?.(plannedDisk) };
    } catch (err) {
      const { kind } = classifyFailure(err);
      if (kind === 'local' || kind === 'unknown' || kind === 'rejected') {
        await endWorkflow(id, describeError(err), server);
      }
      throw err;
    }
  }

  /** `localboot` leaves the netboot image by a reboot too: the server's boot script then names the disk. The command has
   *  everything written out. */
  async #reboot(): Promise<void> {
    const output = await this.#o.root.exec('reboot', []);
    if (output === undefined) {
      throw new AppError('action.failed', 'cannot reboot: this host has no reboot command');
    }
  }
}

/** On an installed system `localboot` is already done: a reboot would only lead back to it. */
export async function isNetbootImage(root: Root): Promise<boolean> {
  const read = new Reading(root, 'machineId', () => {});
  return (await readNetbootImage(read)) !== null;
}

/** Tells the server that it waits in vain. */
async function refuse({ action, workflowId }: Order, server: OrderContext): Promise<never> {
  const message = `this agent may not carry out "${action}"; start it with --act or dragonfly.mode=`;
  if (workflowId !== null) await endWorkflow(workflowId, message, server);
  throw new AppError('action.refused', message);
}

/** Ends a workflow where no action of it says why. */
async function endWorkflow(workflow: string, error: string, server: OrderContext): Promise<void> {
  if (server.signal.aborted) return;
  server.event(workflow, { type: 'completed', workflow, success: false, error });
  await server.flush();
}

function isReachable({ address, scope }: OwnAddress): boolean {
  return scope === 'global' || (scope === 'link' && !address.includes(':'));
}

/** The first address of the primary port, else of its bond, of the default route's port, of any port. A
 *  link-local address is the last resort. */
function reportedAddress(facts: Partial<Facts>, primaryMac: string | null): string | undefined {
  const { addresses = [], network, routes } = facts;
  const bond = network?.interfaces.find((nic) => nic.mac === primaryMac)?.bond ?? undefined;
  const usable = addresses.filter((a) => a.is_up && isReachable(a));
  const ranks: readonly ((a: OwnAddress) => boolean)[] = [
    (a) => a.mac === primaryMac,
    (a) => a.interface === bond,
    (a) => a.interface === routes?.default?.interface,
    () => true,
  ];
  const byReach = [usable.filter(({ scope }) => scope === 'global'), usable];
  return byReach
    .flatMap((some) => ranks.map((isMeant) => some.find(isMeant)))
    .find((a) => a !== undefined)?.address;
}
