// A simulated machine: what it is, and what can happen to it. It holds the truth that a server's record
// is compared with.
import { computeIdentityHash } from '../identity/hash.ts';
import type { CheckinRequest } from '../model/api/agent.ts';
import type { Hardware, Identity, Inventory } from '../model/inventory.ts';
import { checkinRequest } from '../agent/checkin.ts';
import type { Order } from '../agent/state.ts';
import type { OrderContext, Subject } from '../agent/subject.ts';

export type Mishap = 'reboot' | 'nic swap' | 're-image';

/** Returns numbers that differ from machine to machine; the same seed gives the same numbers. */
export type Draw = () => number;

export class SimulatedMachine implements Subject {
  readonly name: string;
  readonly #hardware: Hardware;
  readonly #draw: Draw;
  #identity: Identity;
  #hasTwin = false;
  /** The id from its first registration. */
  id: string | undefined;

  /** Makes a machine like `model` with an identity of its own. */
  constructor(name: string, model: Inventory, draw: Draw) {
    this.name = name;
    this.#draw = draw;
    const { network_interfaces: interfaces = [], disks = [] } = model.hardware;
    const ports = interfaces.length || 1;
    const macs = Array.from({ length: ports }, () => newMac(draw));
    this.#hardware = {
      ...model.hardware,
      hostname: name,
      network_interfaces: interfaces.map((port, i) => ({
        ...port,
        mac: macs[i] ?? port.mac,
      })),
      disks: disks.map((disk) => ({ ...disk, serial: hex(draw, 8) })),
    };
    this.#identity = identityOf(macs, newUuid(draw), hex(draw, 16));
  }

  /** Makes another machine with a copy of this one's disk, and thus the same machine-id. */
  clone(name: string): SimulatedMachine {
    const copy = this.#another(name);
    const { all_macs: macs, smbios_uuid: uuid } = copy.#identity;
    copy.#identity = identityOf(macs, uuid, this.#identity.machine_id);
    return copy;
  }

  /** Makes a copy of this virtual machine, SMBIOS UUID included, with other MACs. */
  twin(name: string): SimulatedMachine {
    const copy = this.#another(name);
    const { smbios_uuid: uuid, machine_id: id } = this.#identity;
    copy.#identity = identityOf(copy.#identity.all_macs, uuid, id);
    this.#hasTwin = copy.#hasTwin = true;
    return copy;
  }

  #another(name: string): SimulatedMachine {
    const model = { identity: this.#identity, hardware: this.#hardware, problems: [] };
    return new SimulatedMachine(name, model, this.#draw);
  }

  get identity(): Identity {
    return this.#identity;
  }

  get hardware(): Hardware {
    return this.#hardware;
  }

  /** Changes the machine while it is off. */
  undergo(mishap: Mishap): void {
    const { all_macs: macs, smbios_uuid: uuid, machine_id: id } = this.#identity;
    if (mishap === 're-image') this.#identity = identityOf(macs, uuid, hex(this.#draw, 16));
    if (mishap !== 'nic swap') return;
    const broken = Math.floor(this.#draw() * macs.length);
    const swapped = macs.map((mac, i) => (i === broken ? newMac(this.#draw) : mac));
    this.#identity = identityOf(swapped, uuid, id);
    // Its only MAC was the last thing that told it from its twin, so it is registered as a new machine.
    if (this.#hasTwin && macs.length === 1) this.id = undefined;
    const { network_interfaces: ports = [] } = this.#hardware;
    for (const [i, port] of ports.entries()) port.mac = swapped[i] ?? port.mac;
  }

  addresses(): readonly string[] {
    return ['192.0.2.1'];
  }

  async describe(): Promise<CheckinRequest> {
    const inventory = { identity: this.#identity, hardware: this.#hardware, problems: [] };
    return checkinRequest(inventory, { agentVersion: 'simulated' });
  }

  async act(_order: Order, _server: OrderContext): Promise<{ final: boolean }> {
    return { final: true };
  }
}

function identityOf(macs: readonly string[], uuid: string | null, id: string | null): Identity {
  return {
    primary_mac: macs[0] ?? null,
    all_macs: [...macs],
    smbios_uuid: uuid,
    machine_id: id,
    identity_hash: computeIdentityHash(macs, uuid, id),
  };
}

/** Makes a locally administered MAC, which no real NIC has. */
function newMac(draw: Draw): string {
  return `02:${hex(draw, 5).replaceAll(/(..)(?=.)/g, '$1:')}`;
}

function newUuid(draw: Draw): string {
  const digits = hex(draw, 16);
  const parts = [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `4${digits.slice(13, 16)}`,
    `8${digits.slice(17, 20)}`,
    digits.slice(20),
  ];
  return parts.join('-');
}

function hex(draw: Draw, bytes: number): string {
  return Array.from({ length: bytes }, () =>
    Math.floor(draw() * 256)
      .toString(16)
      .padStart(2, '0'),
  ).join('');
}
