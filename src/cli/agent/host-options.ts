// The options shared by every command that reads a host.
import type { OptionSpec } from '../command.ts';

export const hostOptions = {
  root: {
    type: 'string',
    default: '/',
    value: 'FILE',
    describe: 'read another machine: a capture (FILE.tar.gz) or a directory',
  },
  'probe-timeout': {
    type: 'number',
    default: 10,
    range: [0.001, 3600],
    value: 'SECONDS',
    describe: 'how long each probe may take',
  },
  'probe-os': {
    type: 'boolean',
    describe: 'look for systems and data on the disks: mounts them read-only (needs root)',
  },
} as const satisfies Readonly<Record<string, OptionSpec>>;

export interface HostArgs {
  readonly root: string;
  readonly 'probe-timeout': number;
  readonly 'probe-os': boolean;
}

/** Turns them into options of the inventory. */
export function inventoryOptions(
  args: HostArgs,
  signal: AbortSignal,
): { timeoutMs: number; probeOs: boolean; signal: AbortSignal } {
  return { timeoutMs: args['probe-timeout'] * 1000, probeOs: args['probe-os'], signal };
}
