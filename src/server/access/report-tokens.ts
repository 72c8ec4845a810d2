// The tokens with which installed systems report: one for each workflow, good for its report alone. They follow
// from a key in the store, so that a template can be filled in again and no document holds one.
import * as crypto from 'node:crypto';
import { privatePrefix } from '../../store/collections/tokens.ts';
import { sharedKey } from './shared-key.ts';
import type { Store } from '../../store/store.ts';

const keyName = 'report-key';

/** The token for the report of a workflow. Errors: `store.*`. */
export async function reportToken(store: Store, workflowId: string): Promise<string> {
  return tokenOf(await sharedKey(store, keyName), workflowId);
}

/** Errors: `store.*`. */
export async function isReportToken(
  store: Store,
  workflowId: string,
  token: string,
): Promise<boolean> {
  const key = (await store.settings.get(privatePrefix + keyName))?.value.value;
  if (key === undefined) return false;
  const [sent, right] = [Buffer.from(token), Buffer.from(tokenOf(key, workflowId))];
  return sent.length === right.length && crypto.timingSafeEqual(sent, right);
}

function tokenOf(key: string, workflowId: string): string {
  const hmac = crypto.createHmac('sha256', key).update(`report of ${workflowId}`);
  return `dfr_${hmac.digest('base64url')}`;
}
