// The options of every command that reads a host.
import { AppError } from '../../core/errors.ts';
import type { Args, OptionSpec } from '../command.ts';

export const hostOptions: Readonly<Record<string, OptionSpec>> = {
  root: {
    type: 'string',
    default: '/',
    describe: 'read another machine: a capture (FILE.tar.gz) or a directory',
  },
  'probe-timeout': { type: 'number', default: 10, describe: 'seconds that each probe may take' },
  'probe-os': {
    type: 'boolean',
    default: false,
    describe: 'look for systems installed on the disks: mounts them read-only (needs root)',
  },
};

/** What they mean to the inventory. Errors: AppError `usage.invalid`. */
export function inventoryOptions(
  args: Args,
  signal: AbortSignal,
): { timeoutMs: number; probeOs: boolean; signal: AbortSignal } {
  const seconds = Number(args['probe-timeout']);
  if (!(seconds > 0 && seconds <= 3600)) {
    throw new AppError('usage.invalid', '--probe-timeout takes seconds from above 0 to 3600');
  }
  return { timeoutMs: seconds * 1000, probeOs: args['probe-os'] === true, signal };
}
