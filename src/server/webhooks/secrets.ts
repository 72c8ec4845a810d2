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
  const { name, secret, old_secret: old } = webhook;
  const isOldGood = old !== null && Date.parse(old.until) > now.getTime();
  return (isOldGood ? [secret, old.secret] : [secret]).map((kept) => box.read(kept, ownerOf(name)));
}

/** The webhook with its secrets under the key that encrypts now; undefined where they are. Errors: as `secretsOf`. */
export function resealed(
  webhook: Webhook,
  box: Sealing,
  isCurrent: IsCurrent,
): Webhook | undefined {
  const { name, secret, old_secret: old } = webhook;
  const owner = ownerOf(name);
  const anew = (kept: string): string => box.keep(box.read(kept, owner), owner);
  const kept = old === null ? [secret] : [secret, old.secret];
  if (kept.every(isCurrent)) return undefined;
  const old_secret = old === null ? null : { ...old, secret: anew(old.secret) };
  return { ...webhook, secret: anew(secret), old_secret };
}
