import { expect, it } from 'vitest';
import { Lanes } from '../../src/core/lanes.ts';

it('runs the work of a lane in its order, also after a failure, and other lanes meanwhile', async () => {
  const lanes = new Lanes();
  const order: string[] = [];
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const first = lanes.run('a', async () => {
    await gate;
    order.push('a1');
    throw new Error('failed');
  });
  const second = lanes.run('a', async () => void order.push('a2'));
  await lanes.run('b', async () => void order.push('b1'));
  open();
  await expect(first).rejects.toThrow('failed');
  await second;
  await lanes.run('a', async () => void order.push('a3'));
  expect(order).toEqual(['b1', 'a1', 'a2', 'a3']);
});
