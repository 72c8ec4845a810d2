// Recognition of machines, seen in the answers to check-ins in a row.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { computeIdentityHash } from '../../../src/identity/hash.ts';
import type { CheckinRequest } from '../../../src/model/api/agent.ts';
import type { Principal } from '../../../src/server/access/principal.ts';
import type { Registration } from '../../../src/server/checkin/registration.ts';
import type { Store } from '../../../src/store/store.ts';
import { opened } from '../../store/backends.ts';
import { registrar } from '../harness.ts';

const clock = new ManualClock(new Date('2026-01-02T03:04:05Z'));
const dock = '00:e0:4c:68:00:01';
const uuid = (n: number): string => `4c4c4544-0051-3510-8052-b4c04f4a313${n}`;
const installed = (n: number): string => `${n}`.repeat(32);

function macs(...numbers: number[]): string[] {
  return numbers.map((n) => `02:00:00:00:00:0${n}`);
}

/** A machine with these ports, the first of them its primary. */
function server(ports: string[], more: Partial<CheckinRequest> = {}): CheckinRequest {
  return { mac: ports[0] ?? '', all_macs: ports, ...more };
}

interface Asked {
  readonly store: Store;
  /** Checks in and gives the registration. */
  readonly ask: (request: CheckinRequest, caller?: Principal) => Promise<Registration>;
}

async function asking(): Promise<Asked> {
  const store = await opened('memory:');
  return { store, ask: registrar(store, clock) };
}

function idOf(registration: Registration): string {
  return registration.machine.value.id;
}

function candidates({ conflict }: Registration): string[] | undefined {
  return conflict?.candidates.map((c) => c.machine_id);
}

describe('where hash and primary MAC miss', () => {
  it('any MAC known for one machine finds it', async () => {
    const { ask } = await asking();
    const first = await ask(server(macs(1, 2)));
    const again = await ask(server(macs(3, 2)));
    expect(again).toMatchObject({ isNew: false, matchedBy: 'evidence', conflict: undefined });
    expect(idOf(again)).toBe(idOf(first));
    expect(again.evidence.join(' ')).toContain('02:00:00:00:00:02');
  });

  it('the SMBIOS UUID finds a machine whose ports are all new', async () => {
    const { ask } = await asking();
    const first = await ask(server(macs(1), { smbios_uuid: uuid(1) }));
    const again = await ask(server(macs(2), { smbios_uuid: uuid(1).toUpperCase() }));
    expect(again).toMatchObject({ isNew: false, matchedBy: 'evidence' });
    expect(idOf(again)).toBe(idOf(first));
  });

  it('evidence for two machines makes a third and a conflict that names both', async () => {
    const { ask, store } = await asking();
    const a = await ask(server(macs(1), { smbios_uuid: uuid(1) }));
    const b = await ask(server(macs(2)));
    const c = await ask(server(macs(3, 2), { smbios_uuid: uuid(1) }));
    expect(c).toMatchObject({ isNew: true, matchedBy: 'new', conflict: { reason: 'ambiguous' } });
    expect(candidates(c)?.toSorted()).toEqual([idOf(a), idOf(b)].toSorted());
    const stored = await store.conflicts.listBy('machine', idOf(c));
    expect(stored.items.map((item) => item.value)).toEqual([c.conflict]);
  });

  it('of very many machines only some are named', async () => {
    const { ask } = await asking();
    const ports = Array.from({ length: 40 }, (_, n) => `02:00:00:00:01:${String(n + 10)}`);
    for (const port of ports) await ask(server([port]));
    const all = await ask(server([...macs(1), ...ports]));
    expect(all).toMatchObject({ isNew: true, conflict: { reason: 'ambiguous' } });
    expect(candidates(all)).toHaveLength(16);
  });

  it('another valid SMBIOS UUID contradicts a MAC', async () => {
    const { ask } = await asking();
    const a = await ask(server(macs(1, 2), { smbios_uuid: uuid(1) }));
    const b = await ask(server(macs(3, 2), { smbios_uuid: uuid(2) }));
    expect(b).toMatchObject({ isNew: true, conflict: { reason: 'contradicted' } });
    expect(candidates(b)).toEqual([idOf(a)]);
    expect(b.evidence.join(' ')).toContain(uuid(1));
  });

  it('the conflict is raised once: the new machine is known from then on', async () => {
    const { ask, store } = await asking();
    await ask(server(macs(1, 2), { smbios_uuid: uuid(1) }));
    const b = await ask(server(macs(3, 2), { smbios_uuid: uuid(2) }));
    const again = await ask(server(macs(3, 2), { smbios_uuid: uuid(2) }));
    expect(again).toMatchObject({ isNew: false, matchedBy: 'identity_hash', conflict: undefined });
    expect(idOf(again)).toBe(idOf(b));
    expect((await store.conflicts.list()).items).toHaveLength(1);
  });

  it('a MAC that two machines have is no evidence, for machines already stored either', async () => {
    const { ask } = await asking();
    await ask(server([...macs(1), dock], { smbios_uuid: uuid(1) }));
    await ask(server([...macs(2), dock], { smbios_uuid: uuid(2) }));
    const c = await ask(server([...macs(3), dock]));
    expect(c).toMatchObject({ isNew: true, matchedBy: 'new', conflict: undefined });
    expect(c.evidence.join(' ')).toContain(`Several machines share the MAC ${dock}`);
  });

  it('a primary MAC that two machines have is no evidence either', async () => {
    const { ask } = await asking();
    await ask(server([dock, ...macs(1)], { smbios_uuid: uuid(1) }));
    await ask(server([...macs(2), dock], { smbios_uuid: uuid(2) }));
    const c = await ask(server([dock, ...macs(3)], { smbios_uuid: uuid(3) }));
    expect(c).toMatchObject({ isNew: true, matchedBy: 'new' });
  });

  it('an SMBIOS UUID that two machines have neither speaks for nor against one', async () => {
    const { ask } = await asking();
    const a = await ask(server(macs(1, 4), { smbios_uuid: uuid(1), machine_id: installed(1) }));
    const b = await ask(server(macs(2), { smbios_uuid: uuid(2) }));
    await ask(server(macs(2), { smbios_uuid: uuid(1), machine_id: installed(2) }));
    const c = await ask(server(macs(3), { smbios_uuid: uuid(1) }));
    expect(c).toMatchObject({ isNew: true, matchedBy: 'new', conflict: undefined });
    const returned = await ask(server(macs(5, 4), { smbios_uuid: uuid(3) }));
    expect(returned).toMatchObject({ isNew: false, matchedBy: 'evidence' });
    expect(idOf(returned)).toBe(idOf(a));
    expect(idOf(b)).not.toBe(idOf(c));
  });

  it('placeholders and addresses that no port has are no evidence', async () => {
    const { ask } = await asking();
    const placeholder = '03000200-0400-0500-0006-000700080009';
    const zero = '00:00:00:00:00:00';
    const a = await ask(server([...macs(1), zero], { smbios_uuid: placeholder }));
    const b = await ask(server([...macs(2), zero], { smbios_uuid: placeholder }));
    expect(b).toMatchObject({ isNew: true, conflict: undefined });
    expect(a.machine.value.identity).toMatchObject({ smbios_uuid: null, all_macs: macs(1) });
  });
});

describe('the primary MAC', () => {
  it('finds a machine whose board was replaced, and its history says so', async () => {
    const { ask, store } = await asking();
    const disk = { machine_id: installed(1) };
    const a = await ask(server(macs(1, 2), { smbios_uuid: uuid(1), ...disk }));
    const again = await ask(server(macs(1, 3), { smbios_uuid: uuid(2), ...disk }));
    expect(again).toMatchObject({ isNew: false, matchedBy: 'primary_mac' });
    expect(idOf(again)).toBe(idOf(a));
    const changes = (await store.machines.history(idOf(a))).map((c) => [c.what, c.before, c.after]);
    expect(changes).toEqual([
      ['smbios_uuid', uuid(1), uuid(2)],
      ['mac', macs(2)[0], null],
      ['mac', null, macs(3)[0]],
    ]);
  });

  it('does not merge machines that share nothing else', async () => {
    const { ask } = await asking();
    const a = await ask(server([dock, ...macs(1)], { smbios_uuid: uuid(1) }));
    const b = await ask(server([dock, ...macs(2)], { smbios_uuid: uuid(2) }));
    expect(b).toMatchObject({ isNew: true, conflict: { reason: 'contradicted' } });
    expect(candidates(b)).toEqual([idOf(a)]);
    // Each of them is itself from then on.
    for (const [n, known] of [a, b].entries()) {
      const ports = [dock, ...macs(n + 1)];
      const again = await ask(
        server(ports, { smbios_uuid: uuid(n + 1), machine_id: installed(7) }),
      );
      expect([again.isNew, idOf(again)]).toEqual([false, idOf(known)]);
    }
  });

  it('gives way to an SMBIOS UUID that is another machine’s', async () => {
    const { ask } = await asking();
    const a = await ask(server(macs(1)));
    const b = await ask(server(macs(2), { smbios_uuid: uuid(2) }));
    const c = await ask(server(macs(1), { smbios_uuid: uuid(2) }));
    expect(c).toMatchObject({ isNew: true, conflict: { reason: 'contradicted' } });
    expect(candidates(c)?.toSorted()).toEqual([idOf(a), idOf(b)].toSorted());
  });
});

describe('a machine whose MAC another one lists', () => {
  /** It has the ports 1 and 2; another one, known by its port 4, lists these. */
  async function listed(
    more: Partial<CheckinRequest> = {},
  ): Promise<Asked & { own: string; other: Registration }> {
    const asked = await asking();
    const own = idOf(await asked.ask(server(macs(1, 2), more)));
    await asked.ask(server(macs(4)));
    const other = await asked.ask(server(macs(4, 1, 2)));
    return { ...asked, own, other };
  }

  it('is itself by its primary MAC after it was installed again, whatever else it shows', async () => {
    for (const known of [{}, { smbios_uuid: uuid(1) }]) {
      const { ask, own, other } = await listed({ ...known, machine_id: installed(1) });
      expect(idOf(other)).not.toBe(own);
      const again = await ask(server(macs(1, 2), { ...known, machine_id: installed(2) }));
      expect([idOf(again), again.matchedBy]).toEqual([own, 'primary_mac']);
      const poor = await ask({ mac: macs(1)[0] ?? '' });
      expect([idOf(poor), poor.isNew]).toEqual([own, false]);
    }
  });

  it('is itself with a new port, by its installation or its own token', async () => {
    const { ask, own } = await listed({ machine_id: installed(1) });
    const moved = server(macs(3, 2), { machine_id: installed(1) });
    const again = await ask(moved);
    expect([idOf(again), again.matchedBy]).toEqual([own, 'evidence']);
    const reinstalled = server(macs(5, 2), { machine_id: installed(2) });
    const caller = { kind: 'machine', machineId: own, tokenId: '00000000' } as const;
    expect(idOf(await ask(reinstalled, caller))).toBe(own);
  });

  it('is not found by that MAC where its SMBIOS UUID is another one', async () => {
    const { ask, own } = await listed({ smbios_uuid: uuid(1) });
    const stranger = await ask(server(macs(1), { smbios_uuid: uuid(3) }));
    expect(stranger).toMatchObject({ isNew: true });
    expect(idOf(stranger)).not.toBe(own);
  });

  it('leaves the other one itself', async () => {
    const { ask, other } = await listed();
    const again = await ask(server(macs(4, 1, 2), { machine_id: installed(2) }));
    expect(idOf(again)).toBe(idOf(other));
  });
});

describe('a boot that goes on after another boot of the machine', () => {
  const boot = (boot_id: string, sequence: number) => ({ boot_id, sequence });

  it('shows that a clone took the machine’s place', async () => {
    const { ask } = await asking();
    const a = await ask(server(macs(1), { smbios_uuid: uuid(1), ...boot('a', 1) }));
    const clone = await ask(server(macs(2), { smbios_uuid: uuid(1), ...boot('b', 1) }));
    expect(idOf(clone)).toBe(idOf(a));
    const other = await ask(server(macs(1), { smbios_uuid: uuid(1), ...boot('a', 2) }));
    expect(other).toMatchObject({ isNew: true, conflict: { reason: 'contradicted' } });
    expect(candidates(other)).toEqual([idOf(a)]);
  });

  it('is put on record where nothing tells the two apart, without a new machine each time', async () => {
    const { ask, store } = await asking();
    for (const [id, n] of [
      ['a', 1],
      ['b', 1],
      ['a', 2],
      ['b', 2],
      ['a', 3],
    ] as const) {
      await ask(server(macs(1), { smbios_uuid: uuid(1), ...boot(id, n) }));
    }
    expect((await store.machines.list()).items).toHaveLength(1);
    const { items } = await store.conflicts.list();
    expect(items.map((item) => item.value.reason)).toEqual(['indistinguishable']);
  });

  it('is not what a request that arrives late shows', async () => {
    const { ask, store } = await asking();
    await ask(server(macs(1), boot('a', 5)));
    await ask(server(macs(1), boot('b', 1)));
    const late = await ask(server(macs(1), boot('a', 5)));
    expect(late).toMatchObject({ isNew: false, conflict: undefined });
    expect((await store.machines.list()).items).toHaveLength(1);
  });
});

describe('a repeated check-in', () => {
  it('is answered as before and done once', async () => {
    const { ask, store } = await asking();
    await ask(server(macs(1, 2), { smbios_uuid: uuid(1) }));
    const request = server(macs(3, 2), { smbios_uuid: uuid(2), boot_id: 'a', sequence: 1 });
    const first = await ask(request);
    const again = await ask(request);
    expect(again).toMatchObject({ isNew: true, matchedBy: 'new', isRepeat: true });
    expect(again.evidence).toEqual(first.evidence);
    expect(again.machine).toEqual(first.machine);
    const next = await ask({ ...request, sequence: 2 });
    expect(next).toMatchObject({ isNew: false, matchedBy: 'identity_hash', isRepeat: false });
    expect((await store.conflicts.list()).items).toHaveLength(1);
  });
});

describe('a returning machine', () => {
  const full = server(macs(1, 2), {
    smbios_uuid: uuid(1),
    machine_id: installed(1),
    hostname: 'node-1',
    cpu_model: 'AMD EPYC 9354P',
    cpu_cores: 32,
    cpu_threads: 64,
    memory_bytes: 64_000_000_000,
    disks: [
      { name: 'sda', size_bytes: 1000, model: 'M', serial: 'S1' },
      { name: 'sdb', size_bytes: 2000, model: 'M', serial: 'S2' },
    ],
    interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', speed_mbps: 1000 }],
    is_virtual: false,
    nameservers: ['192.0.2.1'],
  });

  it('that tells only its MAC, as a stock agent does, loses nothing', async () => {
    const { ask } = await asking();
    const first = (await ask(full)).machine.value;
    const poor = await ask({ mac: macs(1)[0] ?? '', disks: [], nameservers: [], cpu_model: null });
    expect(poor).toMatchObject({ isNew: false, matchedBy: 'primary_mac' });
    const { identity, hardware, config } = poor.machine.value;
    expect({ identity, hardware, config }).toEqual({
      identity: first.identity,
      hardware: first.hardware,
      config: first.config,
    });
    expect((await ask(full)).matchedBy).toBe('identity_hash');
  });

  it('that is unchanged is not written again for five minutes', async () => {
    const { ask } = await asking();
    const first = await ask(full);
    expect((await ask(full)).machine).toEqual(first.machine);
    await clock.advance(5 * 60_000);
    const later = await ask(full);
    expect(later.machine.revision).not.toBe(first.machine.revision);
    expect(later.machine.value.status.last_seen).toBe(clock.now().toISOString());
    expect(later.machine.value.metadata).toEqual(first.machine.value.metadata);
  });

  it('has its changes kept: ports, disks, memory, installation', async () => {
    const { ask, store } = await asking();
    const id = idOf(await ask(full));
    await ask({
      ...full,
      all_macs: macs(1, 3),
      machine_id: installed(2),
      memory_bytes: 128_000_000_000,
      // The first disk only has another name after this boot.
      disks: [
        { name: 'sdc', size_bytes: 1000, model: 'M', serial: 'S1' },
        { name: 'sdb', size_bytes: 4000, model: 'N', serial: 'S3' },
      ],
    });
    const changes = (await store.machines.history(id)).map((c) => [c.what, c.before, c.after]);
    expect(changes).toEqual([
      ['machine_id', installed(1), installed(2)],
      ['mac', macs(2)[0], null],
      ['mac', null, macs(3)[0]],
      ['memory_bytes', 64_000_000_000, 128_000_000_000],
      ['disk', 'M S2 2000 bytes', null],
      ['disk', null, 'N S3 4000 bytes'],
    ]);
  });

  it('has in its history what it has no more: a GPU, the installed system', async () => {
    const { ask, store } = await asking();
    const had = {
      ...full,
      boot_id: 'b1',
      agent_version: '0.2.0',
      gpus: [{ name: 'A100' }, { name: 'A100' }],
      existing_os: { name: 'Debian 12', device: '/dev/sda1' },
    };
    const id = idOf(await ask(had));
    const gpus = [{ name: 'A100', pci_address: '0000:3b:00.0' }];
    await ask({ ...had, boot_id: 'b2', gpus, existing_os: null });
    const changes = (await store.machines.history(id)).map((c) => [c.what, c.before, c.after]);
    expect(changes).toEqual([
      ['gpu', 'A100 #2', null],
      ['existing_os', 'Debian 12', null],
    ]);
  });

  it('that tells more than before has no change in its history', async () => {
    const { ask, store } = await asking();
    const id = idOf(await ask({ mac: macs(1)[0] ?? '' }));
    await ask({ ...full, all_macs: macs(1) });
    expect(await store.machines.history(id)).toEqual([]);
  });

  it('keeps what an operator set and what this version does not know, inside lists too', async () => {
    const { ask, store } = await asking();
    const first = await ask(full);
    const known = first.machine.value;
    const future = {
      ...known,
      later: { a: [1] },
      hardware: {
        ...known.hardware,
        rack: 'x',
        disks: known.hardware.disks.map((disk) => ({ ...disk, wear: 7 })),
      },
      identity: { ...known.identity, tpm: 'ek' },
      config: { ...known.config, tags: ['rack-1'], hostname: 'web' },
    };
    await store.machines.put(future);
    const { value } = (await ask({ ...full, memory_bytes: 1 })).machine;
    expect(value).toMatchObject({
      later: { a: [1] },
      hardware: { rack: 'x', memory_bytes: 1, disks: [{ wear: 7 }, { wear: 7 }] },
      identity: { tpm: 'ek' },
      config: { tags: ['rack-1'], hostname: 'web' },
    });
  });
});

describe('what identifies', () => {
  it('is the machine-id of the installed system where one is named', async () => {
    const { ask } = await asking();
    const existing_os = { name: 'Debian', device: '/dev/sda1', machine_id: installed(1) };
    const hash = computeIdentityHash(macs(1), null, installed(1));
    const request = { ...server(macs(1)), existing_os, machine_id: installed(2) };
    const { machine } = await ask({ ...request, identity_hash: hash });
    expect(machine.value.identity).toMatchObject({ machine_id: installed(1), identity_hash: hash });
    const wrong = computeIdentityHash(macs(1), null, installed(2));
    await expect(ask({ ...request, identity_hash: wrong })).rejects.toMatchObject({
      code: 'identity.mismatch',
    });
  });

  it('is not a machine-id that is not set up', async () => {
    const { ask } = await asking();
    for (const machine_id of ['', 'uninitialized', installed(0), '0-1']) {
      const { machine } = await ask(server(macs(1), { machine_id }));
      expect(machine.value.identity.machine_id).toBeNull();
    }
  });

  it('is each port once: those of the interfaces and the MAC, where no list is sent', async () => {
    const { ask } = await asking();
    const interfaces = [
      { name: 'eth1', mac: '02-00-00-00-00-02' },
      { name: 'ib0', mac: '80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:00:00:01' },
    ];
    const hash = computeIdentityHash(macs(1, 2), null, null);
    const { machine } = await ask({ mac: '02-00-00-00-00-01', interfaces, identity_hash: hash });
    expect(machine.value.identity).toMatchObject({ all_macs: macs(1, 2), identity_hash: hash });
  });

  it('is refused with the field at fault where it is no MAC', async () => {
    const { ask, store } = await asking();
    const faults: [CheckinRequest, string][] = [
      [{ mac: 'x' }, 'mac'],
      [{ mac: 'ff:ff:ff:ff:ff:ff' }, 'mac'],
      [server([...macs(1), 'nonsense']), 'all_macs[1]'],
    ];
    for (const [request, path] of faults) {
      await expect(ask(request)).rejects.toMatchObject({
        code: 'request.invalid',
        details: { path },
      });
    }
    expect((await store.machines.list()).items).toEqual([]);
  });
});
