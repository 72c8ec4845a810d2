// Recognition of machines, seen in the answers to check-ins in a row.
import { describe, expect, it } from 'vitest';
import { computeIdentityHash } from '../../../src/identity/hash.ts';
import type { CheckinRequest } from '../../../src/model/api/agent.ts';
import type { Registration } from '../../../src/server/checkin/registration.ts';
import {
  dock,
  uuid,
  installed,
  macs,
  server,
  asking,
  idOf,
  candidates,
  type Asked,
} from './asking.ts';

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
