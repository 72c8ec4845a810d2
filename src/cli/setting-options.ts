// Settings as options of a command, and as text for people.
import { flagOf } from '../core/setting-layers.ts';
import type { SettingSpecs, SettingValue, ShownSetting } from '../core/settings.ts';
import type { OptionSpec } from './command.ts';

/** A flag for each setting. None has a default: what is not given is looked for elsewhere. */
export function settingOptions(specs: SettingSpecs): Record<string, OptionSpec> {
  const options: Record<string, OptionSpec> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const { default: usual, flag: _flag, secret: _secret, ...rest } = spec;
    const describe = spec.describe + defaultText(usual);
    options[flagOf(name, spec)] = { ...rest, describe };
  }
  return options;
}

function defaultText(value: SettingValue | undefined): string {
  return value === undefined || value === false ? '' : ` (default: ${value})`;
}

/** Each setting on a line: its name, its value and the place that it comes from. */
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
