// The secrets of a webhook as they are kept: encrypted where the server has a key, else as they are.
import type { Webhook } from '../../model/documents/webhook.ts';

/** Encrypts what is to be kept, and opens it. */
export interface Sealing {
  /** The text as it is kept: encrypted where there is a key. */
  keep(plain: string, owner: string): string;
  /** Errors: AppError `secret.no-key`, `secret.damaged`. */
  read(kept: string, owner: string): string;
}

/** True for what is encrypted with the key that encrypts now. */
type IsCurrent = (kept: string) => boolean;

/** Encrypted secrets open for their webhook alone. */
export function ownerOf(webhook: string): string {
  return `webhook/${webhook}`;
}

/** The secrets that a post is signed with now. Errors: AppError `secret.no-key`, `secret.damaged`. */
export function secretsOf(webhook: Webhook, box: Sealing, now: Date): string[] {
  const { name, secret } = webhook;
  const old = oldSecretOf(webhook, now);
  return [secret, ...(old === null ? [] : [old.secret])].map((kept) =>
    box.read(kept, ownerOf(name)),
  );
}

/** The old secret while it holds. */
function oldSecretOf({ old_secret: old }: Webhook, now: Date): Webhook['old_secret'] {
  return old !== null && Date.parse(old.until) > now.getTime() ? old : null;
}

/** The webhook with its secrets under the key that encrypts now, without one that holds no more, which it may be that no key
 *  opens; undefined where they are. Errors: as `secretsOf`. */
export function resealed(
  webhook: Webhook,
  box: Sealing,
  isCurrent: IsCurrent,
  now: Date,
): Webhook | undefined {
  const { name, secret } = webhook;
  const old = oldSecretOf(webhook, now);
  const owner = ownerOf(name);
  const anew = (kept: string): string => box.keep(box.read(kept, owner), owner);
  const kept = old === null ? [secret] : [secret, old.secret];
  if (old === webhook.old_secret && kept.every(isCurrent)) return undefined;
  const old_secret = old === null ? null : { ...old, secret: anew(old.secret) };
  return { ...webhook, secret: anew(secret), old_secret };
}
