// `inventory`: prints what a machine is, as a table or a document.
// The readers of a host are loaded with the program: nearly every command needs them, and one file loads fastest.
import { collectInventory } from '../../inventory/inventory.ts';
import { AppError } from '../../core/errors.ts';
import type { Inventory } from '../../model/inventory.ts';
import { command } from '../command.ts';
import { asData, formatOf, formatOptions, toJson, toYaml, type FormatArgs } from '../formats.ts';
import { hostOptions, inventoryOptions } from './host-options.ts';

/** The `inventory` command of the agent. */
export const inventory = command({
  name: 'inventory',
  describe: 'print what this machine is',
  examples: [
    'inventory',
    'inventory --json',
    'inventory hardware.disks.0.serial',
    'inventory --only cpu,memory --yaml',
    'inventory --root machine.tar.gz',
  ],
  positionals: {
    path: { describe: 'print one value: hardware.disks.0.serial', isOptional: true },
  },
  options: {
    ...hostOptions,
    only: {
      type: 'string',
      value: 'SECTIONS',
      excludes: ['compare', 'portable'],
      describe: 'print these sections in full and read nothing else: cpu,memory or all',
    },
    ...formatOptions,
    compare: {
      type: 'boolean',
      excludes: ['output', 'json', 'yaml'],
      describe: 'compare each field with what systeminformation says of this host',
    },
    portable: {
      type: 'boolean',
      describe: 'ask systeminformation, as on hosts other than Linux',
    },
  },
  async run(args, { print, signal }) {
    const { root, path } = args;
    if (args.only !== undefined) {
      const { collectSections, parseSections } = await import('../../inventory/sections.ts');
      const sections = parseSections(args.only);
      const excerpt = await collectSections(root, sections, inventoryOptions(args, signal));
      if (path !== undefined) return printField(excerpt, path, args, print);
      print(formatOf(args) === 'json' ? toJson(excerpt) : await toYaml(excerpt));
      return 0;
    }
    if (args.compare && path !== undefined) {
      throw new AppError('usage.invalid', '--compare prints a table, not the value of a path');
    }
    const options = inventoryOptions(args, signal);
    const portable = args.portable ? { portable: true } : {};
    const found = await collectInventory(root, { ...options, ...portable });
    if (path !== undefined) return printField(found, path, args, print);
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

/** Exit code 1, and nothing is printed: the value is not known. */
async function printField(
  document: unknown,
  path: string,
  args: FormatArgs,
  print: (text: string) => void,
): Promise<number> {
  const { bare, fieldAt } = await import('./field.ts');
  const value = fieldAt(document, path);
  if (value === null || value === undefined) return 1;
  print((await asData(args, value)) ?? (await bare(value, toYaml)));
  return 0;
}

async function render(found: Inventory, args: FormatArgs): Promise<string> {
  const data = await asData(args, found);
  return data ?? (await import('../text/inventory-table.ts')).inventoryTable(found);
}
