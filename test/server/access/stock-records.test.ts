// The record of a machine whose agent has no token: where that is, and whether it is doubted, as a server that was started
// anew and another one of the store have to know.
import { describe, expect, it } from 'vitest';
import { closed, elsewhere, home, scene } from '../stock/strangers/scene.ts';

describe('the record of a machine', () => {
  // Behind NAT, or with several ports, an agent tells another address than the one that it calls from.
  const more = { ip_address: elsewhere };

  it('says where its agent called from, not what that said, to a server that just started', async () => {
    const { call, told, order, opens, restart, pass } = await scene();
    await pass(30);
    await told(home, more);
    const id = await order();
    await pass(30);
    expect(await told(home, more)).toBe('execute');
    for (const report of [{ type: 'started' }, { type: 'action_started', action: 'image2disk' }]) {
      await restart();
      expect(await opens(elsewhere, id)).toEqual(closed);
      expect((await call(home, `/api/workflows/${id}/events`, report)).status).toBe(204);
      expect(await told(elsewhere, more)).toBe('wait');
      expect(await told(home, more)).toBe('execute');
      expect(await opens(home, id)).toEqual([200, 200, 204]);
    }
  });

  it('lets a workflow be carried out over a start of the server before each call', async () => {
    const { machine_id, call, told, order, restart, pass } = await scene();
    const id = await order();
    await pass(30);
    expect(await told(home)).toBe('execute');
    for (const path of [`workflows/${id}`, `templates/debian?machine_id=${machine_id}`]) {
      await restart();
      expect((await call(home, `/api/${path}`)).status).toBe(200);
    }
    const actions = ['image2disk', 'writefile', 'reboot'];
    const reports = actions.map((action) => ({ type: 'action_started', action }));
    for (const report of [{ type: 'started' }, ...reports]) {
      await restart();
      await pass(50);
      const path = `/api/workflows/${id}/events`;
      expect((await call(elsewhere, path, report)).status).toBe(403);
      expect((await call(home, path, report)).status).toBe(204);
      expect(await told(elsewhere)).toBe('wait');
    }
    const { status } = (await call('operator', `/api/workflows/${id}`)).body;
    expect(status.state).toBe('STATE_SUCCESS');
  });

  it('says so to another server', async () => {
    const { told, order, opens, pass } = await scene({ servers: 2 });
    await pass(30);
    await told(home, more);
    const id = await order();
    expect(await opens(elsewhere, id, { server: 1 })).toEqual(closed);
    expect(await opens(home, id, { server: 1 })).toEqual([200, 200, 204]);
  });

  it('is written for a new address, and not for the same one', async () => {
    const { store, machine_id, told, pass } = await scene();
    const report = async () => (await store.machines.get(machine_id))?.value.report;
    const first = await report();
    await pass(30);
    await told(home);
    await pass(30);
    await told(home);
    expect(await report()).toEqual(first);
    await pass(60);
    await told(elsewhere);
    expect((await report())?.from_address).toBe(elsewhere);
  });

  it('says that the machine showed other disks during its workflow', async () => {
    const { call, told, order, opens, restart, pass } = await scene();
    const id = await order('files');
    await pass(600);
    const disks = [{ name: 'sdb', size_bytes: 21_474_836_480, model: 'X' }];
    await told(home, { disks });
    await restart();
    expect(await opens(home, id)).toEqual(closed);
    // By now they are those of the record.
    await pass(60);
    await told(home, { disks });
    const open = async (name: string) => (await opens(home, name)).slice(0, 1);
    expect(await open(id)).toEqual([403]);
    await call('operator', `/api/workflows/${id}/cancel`, {});
    expect(await open(await order('files'))).toEqual([200]);
  });

  it('says so of one whose double at its own address showed other disks', async () => {
    const { call, told, order, opens, restart, pass } = await scene();
    await pass(30);
    await told(home);
    const id = await order();
    await pass(30);
    await told(home);
    await call(home, `/api/workflows/${id}/events`, { type: 'started' });
    await pass(10);
    const disks = [{ name: 'sdb', size_bytes: 21_474_836_480, model: 'X' }];
    expect(await told(home, { disks })).toBe('wait');
    await restart();
    expect(await opens(home, id)).toEqual(closed);
  });
});

describe('a record from before servers noted addresses', () => {
  async function upgraded(isBegun: boolean) {
    const at = await scene();
    const id = await at.order();
    await at.pass(30);
    await at.told(home);
    if (isBegun) await at.call(home, `/api/workflows/${id}/events`, { type: 'started' });
    const { store, machine_id } = at;
    const known = await store.machines.get(machine_id);
    if (known?.value.report === undefined) throw new Error('it has no report');
    const { from_address: _from, ...report } = known.value.report;
    await store.machines.put({ ...known.value, report }, known);
    await at.restart();
    return { ...at, id };
  }

  it('lets the workflow that runs be reported to its end, and tells nobody of it', async () => {
    const { call, told, opens, pass, id } = await upgraded(true);
    expect((await opens(home, id)).slice(0, 2)).toEqual([403, 403]);
    for (let n = 0; n < 3; n += 1) {
      await pass(50);
      expect(await told(elsewhere)).toBe('wait');
      const report = { type: 'action_started', action: 'image2disk' };
      expect((await call(home, `/api/workflows/${id}/events`, report)).status).toBe(204);
    }
    const end = { type: 'completed', success: true };
    expect((await call(home, `/api/workflows/${id}/events`, end)).status).toBe(204);
    expect((await call('operator', `/api/workflows/${id}`)).body.status.state).toBe(
      'STATE_SUCCESS',
    );
    await pass(30);
    expect(await told(home)).toBe('wait');
  });

  it('gets the address with the next check-in', async () => {
    const { told, opens, id } = await upgraded(false);
    expect(await opens(home, id)).toEqual(closed);
    expect(await told(home)).toBe('execute');
    expect([await opens(elsewhere, id), await told(elsewhere)]).toEqual([closed, 'wait']);
    expect(await opens(home, id)).toEqual([200, 200, 204]);
  });
});
