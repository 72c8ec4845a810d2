// `inventory`: prints what a machine is, as a table or a document.
// The readers of a host are loaded with the program: nearly every command needs them, and one file loads fastest.
import { collectInventory } from '../../inventory/inventory.ts';
import type { Inventory } from '../../model/inventory.ts';
import { command } from '../command.ts';
import { hostOptions, inventoryOptions } from './host-options.ts';

/** The `inventory` command of the agent. */
export const inventory = command({
  name: 'inventory',
  describe: 'print what this machine is',
  options: {
    ...hostOptions,
    only: {
      type: 'string',
      value: 'SECTIONS',
      excludes: ['compare', 'portable'],
      describe: 'print these sections in full and read nothing else: cpu,memory or all',
    },
    json: { type: 'boolean', describe: 'print JSON', excludes: ['yaml'] },
    yaml: { type: 'boolean', describe: 'print YAML' },
    compare: {
      type: 'boolean',
      excludes: ['json', 'yaml'],
      describe: 'set each field beside what systeminformation says of this host',
    },
    portable: {
      type: 'boolean',
      describe: 'ask systeminformation, as on hosts other than Linux',
    },
  },
  async run(args, { print, signal }) {
    const { root } = args;
    if (args.only !== undefined) {
      const { collectSections, parseSections } = await import('../../inventory/sections.ts');
      const sections = parseSections(args.only);
      const excerpt = await collectSections(root, sections, inventoryOptions(args, signal));
      print(args.json ? toJson(excerpt) : (await import('yaml')).stringify(excerpt));
      return 0;
    }
    const options = inventoryOptions(args, signal);
    const portable = args.portable ? { portable: true } : {};
    const found = await collectInventory(root, { ...options, ...portable });
    if (args.compare) {
      const { comparisonTable } = await import('../text/compare-table.ts');
      const theirs = await collectInventory(root, { ...options, portable: true });
      print(comparisonTable(found, theirs));
      return 0;
    }
    print(await render(found, args));
    return 0;
  },
});

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

async function render(
  found: Inventory,
  { json, yaml }: { readonly json: boolean; readonly yaml: boolean },
): Promise<string> {
  if (json) return toJson(found);
  if (yaml) return (await import('yaml')).stringify(found);
  return (await import('../text/inventory-table.ts')).inventoryTable(found);
}
