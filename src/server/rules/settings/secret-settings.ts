// Settings whose value is a secret: marked by an operator, or by their key. Pure.
import type { Setting } from '../../../model/api/administration/settings.ts';

/** Shown in place of a secret. */
export const mask = '********';

/** Keys whose last word says what they hold: template.default_password, proxmox.api_token. */
const secretKey = /(?:^|[._-])(?:password|passphrase|secret|token|private[._-]key)$/i;

/** True unless an operator said otherwise of a setting whose key sounds secret. */
export function isSecret({ key, secret }: Pick<Setting, 'key' | 'secret'>): boolean {
  return secret ?? secretKey.test(key);
}

/** The setting as it is shown: a secret only where the asker may see it in clear. */
export function shownSetting(setting: Setting, inClear: boolean): Setting {
  const { key, value } = setting;
  if (!isSecret(setting)) return { key, value };
  return { key, value: inClear ? value : mask, secret: true };
}
