// Reads the agent's settings for the commands that use them.
import type { Configuration } from '../../agent/settings/config.ts';
import type { Root } from '../../sources/root.ts';
import type { Args, Io } from '../command.ts';

/** Looks the settings up in all their places. Errors: AppError `config.invalid`. */
export async function agentConfiguration(args: Args, io: Io, root: Root): Promise<Configuration> {
  const { readConfiguration } = await import('../../agent/settings/config.ts');
  return readConfiguration({
    flags: args,
    environment: io.env,
    root,
    async resolveSrv(name) {
      const { Resolver } = await import('node:dns/promises');
      return new Resolver({ timeout: 2_000, tries: 2 }).resolveSrv(name);
    },
  });
}
