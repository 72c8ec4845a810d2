// Secrets of webhooks, and the signatures made with them, as Standard Webhooks has them.
import { createHmac, randomBytes } from 'node:crypto';

/** A secret is written so: Standard Webhooks asks for 24 to 64 random bytes. */
const prefix = 'whsec_';
const newBytes = 32;

export function newSecret(): string {
  return prefix + randomBytes(newBytes).toString('base64');
}

/** True for `whsec_` and 24 to 64 bytes in base64. */
export function isSecretText(text: string): boolean {
  const base64 = text.slice(prefix.length);
  const bytes = Buffer.from(base64, 'base64');
  const isWhole = text === prefix + bytes.toString('base64');
  return isWhole && bytes.length >= 24 && bytes.length <= 64;
}

/** The headers of a post. Each secret signs it: receivers accept any one they know.
 *  Source: Standard Webhooks specification, "Webhook metadata" and "Signature scheme". */
export function signedHeaders(
  id: string,
  at: Date,
  body: string,
  secrets: readonly string[],
): Readonly<Record<string, string>> {
  const seconds = Math.floor(at.getTime() / 1000);
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(prefix.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signatures.join(' '),
  };
}
