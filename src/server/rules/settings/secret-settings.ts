// Secret settings as they are shown. Pure.
import type { Setting } from '../../../model/api/administration/settings.ts';
import { isSecret } from '../../../model/secret-setting.ts';

/** Shown in place of a secret. */
export const mask = '********';

/** The setting as it is shown: a secret only where the asker may see it in clear. */
export function shownSetting(setting: Setting, inClear: boolean): Setting {
  const { key, value } = setting;
  if (!isSecret(setting)) return { key, value };
  return { key, value: inClear ? value : mask, secret: true };
}
