// Simulated machines that are installed. Server, plan, agent and reports are real; the actions take their time and change
// nothing.
import { runWorkflow, type ActionRunner, type ActionRunners } from '../agent/orders/actions.ts';
import type { Order } from '../agent/state.ts';
import type { OrderContext } from '../agent/subject.ts';
import { Client } from '../client/client.ts';
import { AppError } from '../core/errors.ts';
import type { CheckinRequest } from '../model/api/agent.ts';
import { templateActions } from '../model/documents/template.ts';
import type { Inventory } from '../model/inventory.ts';
import { stateName } from '../model/machine.ts';
import { SimulatedMachine, type Draw } from './machine.ts';
import { PoweredMachine, type Site } from './powered.ts';

export interface InstallSite extends Site {
  /** The name of a stored template. */
  readonly template: string;
}

export interface InstallableOptions {
  /** The length of a simulated second. */
  readonly secondMs: number;
  readonly hasBadDisk?: boolean;
}

/** The simulated seconds of the actions that take longer than one. */
const secondsOf: Readonly<Record<string, number>> = {
  image2disk: 20,
  debootstrap: 20,
  jetpack: 10,
  partition: 3,
};
const nothingChanged = 'simulated: nothing was changed';
const notUefi = 'simulated: this machine did not start by UEFI: nothing to do';
const leaving = new Set(['reboot', 'kexec']);
/** The simulated seconds until the installed system is up. */
const bootSeconds = 5;
/** A bad disk fails at this share of what is written to it. */
const badFrom = 0.4;

/** A machine in the netboot image, with blank disks. */
export class InstallableMachine extends SimulatedMachine {
  readonly secondMs: number;
  readonly #hasBadDisk: boolean;
  readonly #isUefi: boolean;
  #left = Promise.withResolvers<string | undefined>();

  constructor(
    name: string,
    model: Inventory,
    draw: Draw,
    { secondMs, hasBadDisk = false }: InstallableOptions,
  ) {
    super(name, model, draw);
    this.secondMs = secondMs;
    this.#hasBadDisk = hasBadDisk;
    this.#isUefi = model.hardware.boot?.firmware_mode === 'uefi';
  }

  /** Resolves when the machine next leaves for the system that was installed, to the URL where that is to report. */
  leaves(): Promise<string | undefined> {
    this.#left = Promise.withResolvers<string | undefined>();
    return this.#left.promise;
  }

  override async describe(): Promise<CheckinRequest> {
    const request = await super.describe();
    const disks = request.disks?.map((disk) => ({ ...disk, contents: [] }));
    return { ...request, ...(disks && { disks }), in_image: true, existing_os: null };
  }

  override async act(order: Order, server: OrderContext): Promise<{ final: boolean }> {
    if (order.action !== 'execute' || order.workflowId === null) return { final: true };
    const id = order.workflowId;
    const { templateRef, plannedDisk } = await server.workflow(id);
    const template = await server.template(templateRef);
    const leave = await runWorkflow(id, template, {
      ...server,
      runners: this.#runners(plannedDisk?.device ?? 'a disk', reportUrl(template.actions), server),
      begin: () => server.begin(id),
      report: (event) => server.event(id, event),
    });
    await server.delivered();
    await leave?.();
    return { final: true };
  }

  #runners(device: string, report: string | undefined, { clock }: OrderContext): ActionRunners {
    const runner =
      (action: string): ActionRunner =>
      async (_fields, { signal, progress }) => {
        const seconds = secondsOf[action] ?? 1;
        for (let second = 1; second <= seconds; second += 1) {
          await clock.sleep(this.secondMs, signal);
          if (this.#hasBadDisk && seconds > 1 && second > seconds * badFrom) throw badDisk(device);
          progress({ percent: (100 * second) / seconds, message: 'simulated' });
        }
        const leave = async (): Promise<void> => this.#left.resolve(report);
        return {
          message: action === 'efibootmgr' && !this.#isUefi ? notUefi : nothingChanged,
          leave: leaving.has(action) ? leave : undefined,
        };
      };
    return Object.fromEntries(Object.keys(templateActions).map((name) => [name, runner(name)]));
  }
}

/** The value of `{{ phone_home_url }}`, if a file of the template has it. */
function reportUrl(actions: unknown): string | undefined {
  return /https?:\/\/[^\s"'\\]+\/report\?token=[\w-]+/.exec(JSON.stringify(actions))?.[0];
}

/** As the agent says it of a disk that answers with EIO. */
function badDisk(device: string): AppError {
  const place = `4194304 bytes at ${3 * 2 ** 30}`;
  return new AppError(
    'disk.failed',
    `cannot write ${place} of ${device}: the medium fails there; replace the disk`,
  );
}

/** Powers machines on and has the server install each that it did not know. Those that are installed are off, and boot from
 *  the network again for the next workflow. Runs until the signal aborts, and rejects with its reason. Errors: as those of the
 *  client's calls. */
export async function simulateInstalls(
  machines: readonly InstallableMachine[],
  site: InstallSite,
): Promise<void> {
  const { server, token, ca, clock, signal } = site;
  const client = new Client(server, { token, ca, clock, signal });
  try {
    await Promise.all(machines.map((machine) => live(machine, site, client)));
  } finally {
    await client.close();
  }
}

async function live(machine: InstallableMachine, site: InstallSite, client: Client): Promise<void> {
  const { clock, signal } = site;
  for (;;) {
    const report = await bootImage(machine, site, client);
    await clock.sleep(bootSeconds * machine.secondMs, signal);
    if (report !== undefined) await fetch(report, { method: 'POST', signal });
    const waiting = { machine_id: machine.id ?? '', state: 'pending' } as const;
    while ((await client.workflows.list(waiting).toArray()).length === 0) {
      await clock.sleep(machine.secondMs, signal);
    }
  }
}

/** Keeps a machine in the netboot image until it leaves for its installed system. Returns the URL where that is to report. */
async function bootImage(
  machine: InstallableMachine,
  site: InstallSite,
  client: Client,
): Promise<string | undefined> {
  let isNew = false;
  const powered = new PoweredMachine(machine, site, (event) => {
    if (event.type !== 'checked-in') return;
    machine.id = event.answer.machine_id;
    isNew ||= event.answer.is_new;
  });
  const left = machine.leaves();
  try {
    await powered.powerOn();
    const id = machine.id ?? '';
    if (isNew) {
      await client.machines.patch(id, { tags: ['simulated'] });
      await client.workflows.create({ machine_id: id, template: site.template, retry: true });
    } else if (await isDone(id, client)) {
      return undefined;
    }
    return await Promise.race([left, aborted(site.signal)]);
  } finally {
    await powered.powerOff();
  }
}

/** True if a machine has its system and no workflow. */
async function isDone(id: string, client: Client): Promise<boolean> {
  const work = await client.workflows.list({ machine_id: id, state: 'active' }).toArray();
  const { value } = await client.machines.get(id);
  return work.length === 0 && stateName(value.status.state) === 'Provisioned';
}

/** Rejects with the signal's reason when it aborts. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
