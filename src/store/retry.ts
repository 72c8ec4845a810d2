// Writes that depend on what was read before them, repeated while others get in between.
import { isAppError } from '../core/errors.ts';

/** Each time, one of those that write a record at once succeeds: this many can do so without a failure. */
const mostAttempts = 100;

/** Calls `write`, which reads, then writes what it read unchanged, until nobody else wrote in between.
 *  Errors: those of `write`; its `store.conflict` only from the last attempt. */
export async function retryOnConflict<T>(write: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write();
    } catch (err) {
      if (!isAppError(err, 'store.conflict') || attempt >= mostAttempts) throw err;
    }
  }
}
