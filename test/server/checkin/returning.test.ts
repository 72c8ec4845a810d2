// Machines that come back: what is kept, what changes, what their boots tell.
import { describe, expect, it } from 'vitest';
import { clock, uuid, installed, macs, server, asking, idOf, candidates } from './asking.ts';

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
