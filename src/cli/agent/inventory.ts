// `inventory`: what a machine is, as a table or as a document.
import type { Inventory } from '../../model/inventory.ts';
import type { Args, Command } from '../command.ts';
import { hostOptions, inventoryOptions } from './host-options.ts';

/** The `inventory` command of the agent. */
export const inventory: Command = {
  name: 'inventory',
  describe: 'print what this machine is',
  options: {
    ...hostOptions,
    json: { type: 'boolean', default: false, describe: 'print JSON' },
    yaml: { type: 'boolean', default: false, describe: 'print YAML' },
    compare: {
      type: 'boolean',
      default: false,
      describe: 'set each field beside what systeminformation says of this host',
    },
    portable: {
      type: 'boolean',
      default: false,
      describe: 'ask systeminformation, as on hosts other than Linux',
    },
  },
  async run(args, { print, signal }) {
    const { collectInventory } = await import('../../inventory/inventory.ts');
    const root = String(args['root']);
    const options = inventoryOptions(args, signal);
    const portable = args['portable'] === true ? { portable: true } : {};
    const found = await collectInventory(root, { ...options, ...portable });
    if (args['compare'] === true) {
      const { comparisonTable } = await import('../text/compare-table.ts');
      const theirs = await collectInventory(root, { ...options, portable: true });
      print(comparisonTable(found, theirs));
      return 0;
    }
    print(await render(found, args));
    return 0;
  },
};

async function render(found: Inventory, args: Args): Promise<string> {
  if (args['json'] === true) return `${JSON.stringify(found, null, 2)}\n`;
  if (args['yaml'] === true) return (await import('yaml')).stringify(found);
  return (await import('../text/inventory-table.ts')).inventoryTable(found);
}
