// `inventory`: what a machine is, as a table or as a document.
import type { Command } from './command.ts';
import { hostOptions, inventoryOptions } from './host-options.ts';

/** The `inventory` command of the agent. */
export const inventory: Command = {
  name: 'inventory',
  describe: 'print what this machine is',
  options: {
    ...hostOptions,
    json: { type: 'boolean', default: false, describe: 'print JSON' },
  },
  async run(args, { stdout, signal }) {
    const { collectInventory } = await import('../agent/inventory.ts');
    const result = await collectInventory(String(args['root']), inventoryOptions(args, signal));
    stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return 0;
  },
};
