// What `run` and `config` share: the flags of the agent's settings, and reading them all.
import type { Configuration } from '../../agent/settings/config.ts';
import { settingNames, settingSpecs } from '../../agent/settings/settings.ts';
import type { Root } from '../../sources/root.ts';
import type { Args, Io, OptionSpec } from '../command.ts';

/** A flag for each setting. */
export const settingOptions: Readonly<Record<string, OptionSpec>> = Object.fromEntries(
  settingNames.map((name) => {
    const { flag, describe } = settingSpecs[name];
    return [flag, { type: 'string', describe }];
  }),
);

/** The settings from all their sources. Errors: AppError `config.invalid`. */
export async function readSettings(args: Args, io: Io, root: Root): Promise<Configuration> {
  const { readConfiguration } = await import('../../agent/settings/config.ts');
  return readConfiguration({
    flags: Object.fromEntries(
      Object.keys(settingOptions).map((flag) => [flag, optionText(args, flag)]),
    ),
    environment: io.env,
    root,
    async resolveSrv(name) {
      const { Resolver } = await import('node:dns/promises');
      return new Resolver({ timeout: 2_000, tries: 2 }).resolveSrv(name);
    },
  });
}

/** The value of an option that takes a text. */
export function optionText(args: Args, name: string): string | undefined {
  const value = args[name];
  return typeof value === 'string' ? value : undefined;
}
