// `dragonfly-agent config`: each setting and where its value comes from.
import type { Configuration } from '../../agent/settings/config.ts';
import { settingNames, settingSpecs, type SettingName } from '../../agent/settings/settings.ts';
import { optionText, readSettings, settingOptions } from './agent-settings.ts';
import type { Command } from '../command.ts';

/** The `config` command of the agent. Exit code 1: no server is known. */
export const config: Command = {
  name: 'config',
  describe: 'print each setting of the agent and where its value comes from',
  options: {
    ...settingOptions,
    root: { type: 'string', describe: 'a captured host: its directory or tar.gz file' },
    json: { type: 'boolean', describe: 'print JSON' },
  },
  async run(args, io) {
    const { openRoot } = await import('../../sources/open.ts');
    const root = await openRoot(optionText(args, 'root'));
    const configuration = await readSettings(args, io, root);
    io.stdout.write(args['json'] === true ? asJson(configuration) : asText(configuration));
    return configuration.settings.url === undefined ? 1 : 0;
  },
};

function asJson({ settings, looked }: Configuration): string {
  const shown = Object.fromEntries(
    settingNames.map((name) => {
      const source = settings[name]?.source ?? null;
      return [name, { value: shownValue(settings, name), source }];
    }),
  );
  return `${JSON.stringify({ settings: shown, looked }, null, 2)}\n`;
}

function asText({ settings, looked }: Configuration): string {
  const rows = settingNames.map((name) => [
    name,
    shownValue(settings, name) ?? 'not set',
    settings[name]?.source ?? '',
  ]);
  const widths = [0, 1].map((i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  if (settings.url === undefined) {
    lines.push('', 'No server is known. Looked at:', ...looked.map((place) => `  ${place}`));
    lines.push('Set --server or dragonfly.url=');
  }
  return `${lines.join('\n')}\n`;
}

/** Of a secret only whether there is one. */
function shownValue(settings: Configuration['settings'], name: SettingName): string | null {
  const setting = settings[name];
  if (setting === undefined) return null;
  return 'secret' in settingSpecs[name] ? 'set' : setting.value;
}
