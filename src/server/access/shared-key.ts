// Keys that all servers of a store share, for what one of them gives out and another one has to recognise. Each is
// made when it is first needed and kept among the server's own settings.
import * as crypto from 'node:crypto';
import { isAppError } from '../../core/errors.ts';
import { privatePrefix } from '../../store/collections/tokens.ts';
import type { Store } from '../../store/store.ts';

/** 32 random bytes in base64, the same for whoever asks. Errors: `store.*`. */
export async function sharedKey(store: Store, name: string): Promise<string> {
  const key = privatePrefix + name;
  for (;;) {
    const found = await store.settings.get(key);
    if (found !== undefined) return found.value.value;
    const value = crypto.randomBytes(32).toString('base64');
    try {
      await store.settings.put({ key, value }, 'absent');
    } catch (err) {
      // Another server was first.
      if (!isAppError(err, 'store.conflict')) throw err;
    }
  }
}
