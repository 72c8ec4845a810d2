// Simulated machines, the truth about each, and the mishaps that may befall them.
import { ManualClock } from '../../../../src/core/clock.ts';
import { openStore } from '../../../../src/store/open.ts';
import { startServer, type TestServer } from '../../harness.ts';

let made = 0;

export const serial = (kind: string): string =>
  `${kind}-${(made += 1).toString(36).padStart(4, '0')}`;

export const newMac = (): string => {
  const tail = (made += 1).toString(16).padStart(6, '0');
  return `02:42:00:${tail.replaceAll(/(..)(?=.)/g, '$1:')}`;
};

export const newUuid = (): string =>
  `4c4c4544-0051-3510-8052-${(made += 1).toString(16).padStart(12, '0')}`;

export const newInstallation = (): string => (made += 1).toString(16).padStart(32, 'a');

export const newDisk = () => ({
  name: 'sda',
  size_bytes: 480_103_981_056,
  model: 'SSD 480',
  transport: 'sata',
  serial: serial('disk'),
});

const newModule = () => ({ size_bytes: 2 ** 35, serial: serial('dimm') });

/** A machine as it truly is, and the record that it got. */
export interface Truth {
  readonly name: string;
  ports: string[];
  /** Ports on the board, which go with it. */
  readonly onBoard: number;
  uuid: string | null;
  system: { vendor: string; product: string; serial?: string };
  disks: ReturnType<typeof newDisk>[];
  dimms: ReturnType<typeof newModule>[];
  installation: string | null;
  cpu_model: string;
  memory_bytes: number;
  boots: number;
  id: string | undefined;
}

export function machine(name: string, more: Partial<Truth> = {}): Truth {
  return {
    name,
    ports: [newMac(), newMac()],
    onBoard: 1,
    uuid: newUuid(),
    system: { vendor: 'Dell', product: 'R650', serial: serial('tag') },
    disks: [newDisk(), newDisk()],
    dimms: [newModule(), newModule()],
    installation: newInstallation(),
    cpu_model: 'Xeon',
    memory_bytes: 2 ** 36,
    boots: 0,
    id: undefined,
    ...more,
  };
}

export function bodyOf(m: Truth) {
  return {
    mac: m.ports[0],
    all_macs: m.ports,
    smbios_uuid: m.uuid,
    machine_id: m.installation,
    system: m.system,
    disks: m.disks,
    dimms: m.dimms,
    cpu_model: m.cpu_model,
    memory_bytes: m.memory_bytes,
    boot_id: `${m.name} ${m.boots}`,
    agent_version: '0.2.0',
  };
}

export class Fleet {
  readonly server: TestServer;
  readonly clock: ManualClock;

  private constructor(server: TestServer, clock: ManualClock) {
    this.server = server;
    this.clock = clock;
  }

  static async open(): Promise<Fleet> {
    const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
    return new Fleet(await startServer({ clock, store: await openStore('memory:') }), clock);
  }

  /** Boots a machine after the others went off, and holds the answer against the truth. */
  async boot(m: Truth): Promise<void> {
    await this.clock.advance(60_000);
    m.boots += 1;
    const body = { ...bodyOf(m), sequence: 1, uptime_seconds: 30 };
    const { status, body: answer } = await this.server.call('POST', '/api/agent/checkin', { body });
    const isRight = status === 200 && answer.is_new === (m.id === undefined);
    if (!isRight || answer.machine_id !== (m.id ?? answer.machine_id)) {
      throw new Error(`${m.name} was mistaken: ${JSON.stringify(answer)}`);
    }
    if (answer.evidence.length === 0) throw new Error(`${m.name} was not told why`);
    m.id = answer.machine_id;
  }

  async records(): Promise<number> {
    return (await this.server.store.machines.list({ limit: 1000 })).items.length;
  }
}

type Mishap = (m: Truth) => void;

export const mishaps: Readonly<Record<string, Mishap>> = {
  'a reboot': () => {},
  'a new installation': (m) => {
    m.installation = newInstallation();
  },
  'no installation': (m) => {
    m.installation = null;
  },
  'a port swapped': (m) => {
    m.ports = [newMac(), ...m.ports.slice(1)];
  },
  'all ports swapped': (m) => {
    m.ports = m.ports.map(newMac);
  },
  'all disks swapped': (m) => {
    m.disks = m.disks.map(newDisk);
    m.installation = newInstallation();
  },
  'a disk added': (m) => {
    m.disks = [newDisk(), ...m.disks.slice(0, 3)];
  },
  'the board swapped': (m) => {
    m.uuid = newUuid();
    m.system = { ...m.system, serial: serial('tag') };
    m.ports = m.ports.map((port, i) => (i < m.onBoard ? newMac() : port));
  },
  'memory added': (m) => {
    m.dimms = [...m.dimms, newModule()].slice(-8);
    m.memory_bytes += 2 ** 35;
  },
};
