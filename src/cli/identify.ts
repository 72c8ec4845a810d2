// `identify`: which machine this is.
import { hostOptions } from './inventory.ts';
import type { Command } from './command.ts';

export const identify: Command = {
  name: 'identify',
  describe: 'print the identity of this machine',
  options: {
    ...hostOptions,
    json: { type: 'boolean', default: false, describe: 'print JSON' },
  },
  async run(args, { stdout, signal }) {
    const { collectInventory } = await import('../agent/inventory.ts');
    const { identity } = await collectInventory(String(args['root']), {
      timeoutMs: Number(args['probe-timeout']) * 1000,
      signal,
    });
    stdout.write(`${JSON.stringify(identity, null, 2)}\n`);
    return 0;
  },
};
