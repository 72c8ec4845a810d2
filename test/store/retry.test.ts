import { expect, it } from 'vitest';
import { AppError } from '../../src/core/errors.ts';
import { retryOnConflict } from '../../src/store/retry.ts';

function failing(times: number, error: AppError) {
  let attempts = 0;
  const write = async (): Promise<number> => {
    attempts += 1;
    if (attempts <= times) throw error;
    return attempts;
  };
  return { write, attempts: () => attempts };
}
const conflict = new AppError('store.conflict', 'the record was changed in between');

it('repeats a write that others came before, and gives what it gives in the end', async () => {
  expect(await retryOnConflict(failing(3, conflict).write)).toBe(4);
});

it('passes on the conflict of a write that others always come before', async () => {
  const { write, attempts } = failing(Infinity, conflict);
  await expect(retryOnConflict(write)).rejects.toBe(conflict);
  expect(attempts()).toBe(100);
});

it('repeats no other failure', async () => {
  const full = new AppError('store.full', 'no room');
  const { write, attempts } = failing(Infinity, full);
  await expect(retryOnConflict(write)).rejects.toBe(full);
  expect(attempts()).toBe(1);
});
