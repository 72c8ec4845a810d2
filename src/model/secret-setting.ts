// Settings whose value is a secret: marked by an operator, or by their key.
import type { Setting } from './api/administration/settings.ts';

/** Keys whose last word says what they hold: template.default_password, proxmox.api_token. */
const secretKey = /(?:^|[._-])(?:password|passphrase|secret|token|private[._-]key)$/i;

/** True unless an operator said otherwise of a setting whose key sounds secret. */
export function isSecret({ key, secret }: Pick<Setting, 'key' | 'secret'>): boolean {
  return secret ?? secretKey.test(key);
}
