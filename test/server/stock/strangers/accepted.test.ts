// An operator's decision that the one at an address that a conflict refused is the machine.
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src/core/errors.ts';
import type { Store } from '../../../../src/store/store.ts';
import { wrapStore } from '../../harness.ts';
import { closed, elsewhere, home, scene, third } from './scene.ts';

describe('a machine that another one was taken for', () => {
  it.each([0, 1])('is let in by an operator while that one lives, by server %i', async (server) => {
    const { call, told, order, conflicts, opens, pass } = await scene({ servers: 2 });
    const rounds = async (): Promise<void> => {
      for (let n = 0; n < 3; n += 1) {
        await pass(20);
        await told(elsewhere);
        await pass(10);
        await told(home);
      }
    };
    await rounds();
    const id = await order();
    const [conflict] = await conflicts();
    const accept = async (address: string): Promise<number> => {
      const path = `/api/conflicts/${conflict.id}/accept`;
      return (await call('operator', path, { address }, { server })).status;
    };
    expect([await accept(third), await accept(elsewhere)]).toEqual([422, 200]);
    expect(await opens(home, id)).toEqual(closed);
    for (const from of [home, elsewhere, home]) {
      await pass(10);
      expect(await told(from)).toBe(from === home ? 'wait' : 'execute');
    }
    await rounds();
    await pass(600);
    expect([await told(home), await opens(home, id)]).toEqual(['wait', closed]);
    expect(await told(elsewhere)).toBe('execute');
    expect(await conflicts()).toEqual([]);
  });

  it('is let in by a decision that has to be made again, as its end was not written', async () => {
    let puts = 0;
    const wrap = (store: Store): Store =>
      wrapStore(store, (name, operation) => (...args) => {
        if (name === 'conflicts.put') puts += 1;
        // The first one raises it, the second one notes the address.
        if (name === 'conflicts.put' && puts === 3) throw new AppError('store.unavailable', 'away');
        return operation(...args);
      });
    const { machine_id, call, told, conflicts, rounds } = await scene({ wrap });
    await rounds(4);
    const [{ id }] = await conflicts();
    const accept = (more: object = {}) =>
      call('operator', `/api/conflicts/${id}/accept`, { address: elsewhere, ...more });
    expect((await accept({ into: machine_id })).body).toMatchObject({ code: 'request.invalid' });
    expect([(await accept()).status, (await accept()).status]).toEqual([503, 200]);
    expect(await told(elsewhere)).toBe('wait');
    expect((await call('operator', '/api/conflicts?all=true')).body.conflicts).toMatchObject([
      { refused_addresses: [home], resolution: { address: elsewhere } },
    ]);
  });
});
