// Turns settings into options of a command, and into readable text.
import { flagOf } from '../core/settings/setting-layers.ts';
import type { SettingSpecs, SettingValue, ShownSetting } from '../core/settings/settings.ts';
import type { OptionSpec } from './command.ts';

/** Makes a flag for each setting, without a default, since a flag not given may be set elsewhere. */
export function settingOptions(specs: SettingSpecs): Record<string, OptionSpec> {
  const options: Record<string, OptionSpec> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const { default: usual, flag: _flag, secret: _secret, ...rest } = spec;
    const describe = spec.describe + defaultText(usual);
    const flagName = flagOf(name, spec);
    if (flagName !== undefined) options[flagName] = { ...rest, describe };
  }
  return options;
}

function defaultText(value: SettingValue | undefined): string {
  return value === undefined || value === false ? '' : ` (default: ${value})`;
}

/** Prints each setting on a line: its name, its value and the place it comes from. */
export function settingsText(shown: readonly ShownSetting[]): string[] {
  const rows = shown.map(({ setting, value, source }) => [
    setting,
    value === null ? 'not set' : String(value),
    source ?? '',
  ]);
  const widths = [0, 1].map((i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
