// `dragonfly-agent config`: prints each setting and the place its value comes from.
import type { Configuration } from '../../agent/settings/config.ts';
import { agentSettings } from '../../agent/settings/settings.ts';
import { shownSettings, type ShownSetting } from '../../core/settings/settings.ts';
import { command } from '../command.ts';
import { asData, formatOptions } from '../formats.ts';
import { settingsText } from '../setting-options.ts';
import { agentConfiguration } from './agent-settings.ts';

/** The `config` command of the agent. Exit code 1: no server is known. */
export const config = command({
  name: 'config',
  describe: 'print each setting of the agent and where its value comes from',
  examples: ['config', 'config --json'],
  settings: agentSettings,
  options: {
    root: {
      type: 'string',
      value: 'FILE',
      describe: 'a captured host: its directory or tar.gz file',
    },
    ...formatOptions,
  },
  async run(args, io) {
    const { openRoot } = await import('../../sources/open.ts');
    const root = await openRoot(args.root);
    const configuration = await agentConfiguration(args, io, root);
    const shown = shownSettings(agentSettings, configuration);
    const { looked } = configuration;
    const data = await asData(args, { settings: bySetting(shown), looked });
    io.print(data ?? asText(shown, configuration));
    return configuration.values.url === undefined ? 1 : 0;
  },
});

function bySetting(shown: readonly ShownSetting[]): Record<string, object> {
  return Object.fromEntries(
    shown.map(({ setting, value, source }) => [setting, { value, source }]),
  );
}

function asText(shown: readonly ShownSetting[], { values, looked }: Configuration): string {
  const lines = settingsText(shown);
  if (values.url === undefined) {
    lines.push('', 'No server is known. Looked at:', ...looked.map((place) => `  ${place}`));
    lines.push('Set --server or dragonfly.url=');
  }
  return `${lines.join('\n')}\n`;
}
