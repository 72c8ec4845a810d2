// `inventory`: what a machine is, as a table or as a document.
import type { Command, OptionSpec } from './command.ts';

/** Options of every command that reads a host. */
export const hostOptions: Readonly<Record<string, OptionSpec>> = {
  root: {
    type: 'string',
    default: '/',
    describe: 'read another machine: a captured directory or FILE.tar.gz',
  },
  'probe-timeout': {
    type: 'number',
    default: 10,
    describe: 'seconds that each probe may take',
  },
};

export const inventory: Command = {
  name: 'inventory',
  describe: 'print what this machine is',
  options: {
    ...hostOptions,
    json: { type: 'boolean', default: false, describe: 'print JSON' },
  },
  async run(args, { stdout, signal }) {
    const { collectInventory } = await import('../agent/inventory.ts');
    const result = await collectInventory(String(args['root']), {
      timeoutMs: Number(args['probe-timeout']) * 1000,
      signal,
    });
    stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return 0;
  },
};
