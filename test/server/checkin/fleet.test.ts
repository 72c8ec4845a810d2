// A fleet of simulated machines with every mishap that the field knows: dongles that are passed round, default
// MACs, UUIDs that a vendor gave to many, swapped parts, new installations, clones. Nobody is taken for another
// machine, nobody is registered twice, and each answer says why.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { openStore } from '../../../src/store/open.ts';
import { startServer, type Answer, type TestServer } from '../harness.ts';

/** Numbers that look random, the same for the same seed. */
function drawing(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

let made = 0;
const serial = (kind: string): string => `${kind}-${(made += 1).toString(36).padStart(4, '0')}`;
const newMac = (): string => {
  const tail = (made += 1).toString(16).padStart(6, '0');
  return `02:42:00:${tail.replaceAll(/(..)(?=.)/g, '$1:')}`;
};
const newUuid = (): string =>
  `4c4c4544-0051-3510-8052-${(made += 1).toString(16).padStart(12, '0')}`;
const newInstallation = (): string => (made += 1).toString(16).padStart(32, 'a');
const newDisk = () => ({
  name: 'sda',
  size_bytes: 480_103_981_056,
  model: 'SSD 480',
  transport: 'sata',
  serial: serial('disk'),
});
const newModule = () => ({ size_bytes: 2 ** 35, serial: serial('dimm') });

/** A machine as it truly is, and the record that it got. */
interface Truth {
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

function machine(name: string, more: Partial<Truth> = {}): Truth {
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

function bodyOf(m: Truth) {
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

class Fleet {
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

const mishaps: Readonly<Record<string, Mishap>> = {
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

/** Mishaps that leave something to know a machine of this kind by. */
const survivable: Readonly<Record<string, readonly string[]>> = {
  server: Object.keys(mishaps),
  // A dongle is all the network they have.
  laptop: [
    'a reboot',
    'a new installation',
    'no installation',
    'all disks swapped',
    'memory added',
  ],
  cheap: ['a reboot', 'a new installation', 'no installation', 'all disks swapped', 'a disk added'],
  vendor: Object.keys(mishaps).filter((name) => name !== 'the board swapped'),
  golden: ['a reboot', 'a port swapped', 'all disks swapped', 'a disk added', 'memory added'],
};

function fleetOf(): (readonly [kind: string, machine: Truth])[] {
  const [dongle, defaultMac, vendorUuid, golden] = [
    newMac(),
    newMac(),
    newUuid(),
    newInstallation(),
  ];
  const several = (kind: string, count: number, more: (n: number) => Partial<Truth>) =>
    Array.from({ length: count }, (_, n) => [kind, machine(`${kind} ${n}`, more(n))] as const);
  return [
    ...several('server', 12, () => ({})),
    ...several('laptop', 4, (n) => ({
      ports: [dongle],
      onBoard: 0,
      system: { vendor: 'Lenovo', product: n < 2 ? 'T14' : 'X1', serial: serial('tag') },
    })),
    // More than are looked at for one clue.
    ...several('cheap', 12, () => ({
      ports: [defaultMac],
      uuid: '03000200-0400-0500-0006-000700080009',
      system: { vendor: 'NoName', product: 'Board' },
    })),
    ...several('vendor', 5, (n) => ({
      uuid: vendorUuid,
      system: { vendor: 'Vendor', product: n < 3 ? 'Model X' : 'Model Y' },
    })),
    ...several('golden', 4, () => ({ installation: golden })),
  ];
}

describe('a fleet', () => {
  it.each([1, 2, 3])('with every mishap keeps its records one to one (seed %i)', async (seed) => {
    const fleet = await Fleet.open();
    const all = fleetOf();
    const draw = drawing(seed);
    const pick = <T>(from: readonly T[]): T => {
      const one = from[Math.floor(draw() * from.length)];
      if (one === undefined) throw new Error('nothing to pick from');
      return one;
    };
    for (const [, m] of all) await fleet.boot(m);
    for (let i = 0; i < 250; i += 1) {
      const [kind, m] = pick(all);
      const mishap = pick(survivable[kind] ?? []);
      mishaps[mishap]?.(m);
      await fleet.boot(m);
    }
    expect(await fleet.records()).toBe(all.length);
    expect(new Set(all.map(([, m]) => m.id)).size).toBe(all.length);
  });
});

describe('machines whose firmware is copied', () => {
  it.each([
    ['and whose memory has no serial numbers', []],
    ['', undefined],
  ])('with serial number and UUID are machines of their own %s', async (_, dimms) => {
    const fleet = await Fleet.open();
    const copied = { uuid: newUuid(), system: { vendor: 'MiniCo', product: 'N100', serial: 'M1' } };
    const all = [0, 1, 2].map((n) =>
      machine(`mini ${n}`, { ...copied, ...(dimms === undefined ? {} : { dimms }) }),
    );
    for (const m of [...all, ...all]) await fleet.boot(m);
    for (const m of all) {
      mishaps['a new installation']?.(m);
      await fleet.boot(m);
    }
    expect(await fleet.records()).toBe(all.length);
  });
});

describe('virtual machines whose disks their hypervisor names alike', () => {
  it.each([
    ['VMware NVME_0000', 'nvme.15ad-564d-56-00000001'],
    ['QM00001', 't10.ATA     QEMU HARDDISK   QM00001'],
  ])('%s are never in doubt', async (name, wwn) => {
    const fleet = await Fleet.open();
    const disks = [{ ...newDisk(), serial: name, wwn }];
    const system = { vendor: 'VMware', product: 'VMware7,1' };
    const all = [0, 1, 2].map((n) => machine(`vm ${n}`, { disks, dimms: [], system }));
    for (const m of all) await fleet.boot(m);
    for (const m of all) {
      mishaps['all ports swapped']?.(m);
      await fleet.boot(m);
    }
    const { body } = await fleet.server.call('GET', '/api/conflicts');
    expect([body.conflicts, await fleet.records()]).toEqual([[], all.length]);
  });
});

describe('two known machines', () => {
  it('that exchange their network cards, or lend one a dongle, stay themselves', async () => {
    const fleet = await Fleet.open();
    const [a, b] = [machine('a'), machine('b')];
    for (const m of [a, b]) await fleet.boot(m);
    [a.ports, b.ports] = [b.ports, a.ports];
    for (const m of [a, b, a]) await fleet.boot(m);
    [a.ports, b.ports] = [[newMac()], a.ports];
    for (const m of [b, a]) await fleet.boot(m);
    expect(await fleet.records()).toBe(2);
  });
});

describe('soon after its last heartbeat', () => {
  const swaps = ['a port swapped', 'all disks swapped', 'the board swapped', 'a new installation'];
  it.each(swaps)(
    'a machine with %s is itself, at the latest when it is asked again',
    async (swap) => {
      const fleet = await Fleet.open();
      const m = machine('m');
      await fleet.boot(m);
      await fleet.clock.advance(10_000);
      const beat = { machine_id: m.id, boot_id: `m ${m.boots}`, sequence: 2, uptime_seconds: 40 };
      await fleet.server.call('POST', '/api/agent/heartbeat', { body: beat });
      await fleet.clock.advance(5000);
      mishaps[swap]?.(m);
      m.boots += 1;
      const say = async (seconds: number): Promise<Answer> => {
        const body = { ...bodyOf(m), sequence: 1 + seconds, uptime_seconds: 3 + seconds };
        return fleet.server.call('POST', '/api/agent/checkin', { body });
      };
      let answer = await say(0);
      for (let waited = 5; answer.status === 409 && waited < 30; waited += 5) {
        await fleet.clock.advance(5000);
        answer = await say(waited);
      }
      expect(answer).toMatchObject({ status: 200, body: { machine_id: m.id, is_new: false } });
    },
  );
});

describe('a clone of a virtual machine', () => {
  it('is a machine of its own once the first one was heard beside it', async () => {
    const fleet = await Fleet.open();
    const first = machine('first', {
      disks: [],
      dimms: [],
      system: { vendor: 'QEMU', product: 'PC' },
    });
    await fleet.boot(first);
    const beat = async (): Promise<void> => {
      const body = { machine_id: first.id, boot_id: `first ${first.boots}`, uptime_seconds: 99 };
      expect((await fleet.server.call('POST', '/api/agent/heartbeat', { body })).status).toBe(200);
    };
    await fleet.clock.advance(5000);
    await beat();
    await fleet.clock.advance(4000);
    const clone = { ...first, name: 'clone', ports: [newMac(), newMac()], boots: 1 };
    const say = (uptime_seconds: number) =>
      fleet.server.call('POST', '/api/agent/checkin', {
        body: { ...bodyOf(clone), sequence: uptime_seconds, uptime_seconds },
      });
    expect((await say(2)).status).toBe(409);
    await fleet.clock.advance(5000);
    await beat();
    const { status, body } = await say(7);
    expect([status, body.is_new]).toEqual([200, true]);
    expect(body.evidence.join(' ')).toContain('was alive while the caller was running');
  });
});

describe('a dongle', () => {
  it('makes no second record and no merge, also while the first laptop is switched off', async () => {
    const fleet = await Fleet.open();
    const dongle = newMac();
    const [a, b] = [machine('a', { ports: [dongle] }), machine('b', { ports: [dongle] })];
    await fleet.boot(a);
    await fleet.clock.advance(3_600_000);
    await fleet.boot(b);
    const { body } = await fleet.server.call('GET', '/api/conflicts');
    expect(body.conflicts).toMatchObject([
      { machine_id: b.id, reason: 'contradicted', candidates: [{ machine_id: a.id }] },
    ]);
    for (const m of [a, b, b, a]) await fleet.boot(m);
    expect(await fleet.records()).toBe(2);
  });

  it('tells two laptops apart whose agents are stock, by processor, memory and disks', async () => {
    const fleet = await Fleet.open();
    const mac = newMac();
    const say = async (cpu_model: string, memory_bytes: number, size_bytes: number) => {
      await fleet.clock.advance(3_600_000);
      const disks = [{ name: 'sda', size_bytes, model: 'SSD' }];
      const body = { mac, cpu_model, memory_bytes, disks, existing_os: null };
      const { body: answer } = await fleet.server.call('POST', '/api/agent/checkin', { body });
      return [answer.machine_id, answer.is_new, answer.action];
    };
    const [a] = await say('i5', 8, 1000);
    const [b, isNew, action] = await say('i7', 16, 2000);
    expect([b === a, isNew, action]).toEqual([false, true, 'wait']);
    expect(await say('i5', 8, 1000)).toEqual([a, false, 'wait']);
    expect(await say('i7', 16, 2000)).toEqual([b, false, 'wait']);
    // More memory is an upgrade.
    expect(await say('i7', 32, 2000)).toEqual([b, false, 'wait']);
  });
});
