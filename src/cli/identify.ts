// `identify`: which machine this is.
import type { Command } from './command.ts';
import { hostOptions, inventoryOptions } from './host-options.ts';

/** The `identify` command of the agent. */
export const identify: Command = {
  name: 'identify',
  describe: 'print the identity of this machine',
  options: {
    ...hostOptions,
    json: { type: 'boolean', default: false, describe: 'print JSON' },
  },
  async run(args, { stdout, signal }) {
    const { collectInventory } = await import('../agent/inventory.ts');
    const { identity } = await collectInventory(
      String(args['root']),
      inventoryOptions(args, signal),
    );
    stdout.write(`${JSON.stringify(identity, null, 2)}\n`);
    return 0;
  },
};
