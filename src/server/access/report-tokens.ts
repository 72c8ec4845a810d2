// The tokens with which installed systems report: one for each workflow, good for its report alone. They follow
// from a key in the store, so that a template can be filled in again and no document holds one.
import * as crypto from 'node:crypto';
import { isAppError } from '../../core/errors.ts';
import { privatePrefix } from '../../store/collections/tokens.ts';
import type { Store } from '../../store/store.ts';

const keySetting = `${privatePrefix}report-key`;

/** The token for the report of a workflow. Errors: `store.*`. */
export async function reportToken(store: Store, workflowId: string): Promise<string> {
  return tokenOf(await reportKey(store), workflowId);
}

/** Errors: `store.*`. */
export async function isReportToken(
  store: Store,
  workflowId: string,
  token: string,
): Promise<boolean> {
  const key = (await store.settings.get(keySetting))?.value.value;
  if (key === undefined) return false;
  const [sent, right] = [Buffer.from(token), Buffer.from(tokenOf(key, workflowId))];
  return sent.length === right.length && crypto.timingSafeEqual(sent, right);
}

function tokenOf(key: string, workflowId: string): string {
  const hmac = crypto.createHmac('sha256', key).update(`report of ${workflowId}`);
  return `dfr_${hmac.digest('base64url')}`;
}

/** The key, made when it is first asked for: by one server, whoever else asks meanwhile. */
async function reportKey(store: Store): Promise<string> {
  const found = await store.settings.get(keySetting);
  if (found !== undefined) return found.value.value;
  const value = crypto.randomBytes(32).toString('base64url');
  try {
    await store.settings.put({ key: keySetting, value }, 'absent');
    return value;
  } catch (err) {
    if (!isAppError(err, 'store.conflict')) throw err;
    return reportKey(store);
  }
}
