// `identify`: prints the machine's identity and the reasons for it.
import type { IdentityExplanation } from '../../identity/identify.ts';
import { explainInventory } from '../../inventory/inventory.ts';
import type { Identity } from '../../model/inventory.ts';
import { command } from '../command.ts';
import { asData, formatOptions, type FormatArgs } from '../formats.ts';
import { hostOptions, inventoryOptions } from './host-options.ts';

/** The `identify` command of the agent. */
export const identify = command({
  name: 'identify',
  describe: 'print the identity of this machine',
  examples: ['identify --explain', 'identify --json'],
  options: {
    ...hostOptions,
    explain: {
      type: 'boolean',
      describe: 'say for every source whether it counts, and why not',
    },
    ...formatOptions,
  },
  async run(args, { print, signal }) {
    const { inventory, explanation } = await explainInventory(
      args.root,
      inventoryOptions(args, signal),
    );
    print(await render(inventory.identity, explanation, args));
    return 0;
  },
});

async function render(
  identity: Identity,
  explanation: IdentityExplanation,
  { explain, ...args }: FormatArgs & { readonly explain: boolean },
): Promise<string> {
  const data = await asData(args, explain ? { ...identity, explanation } : identity);
  if (data !== undefined) return data;
  const { explanationText, identityText } = await import('../text/explain-text.ts');
  return explain ? explanationText(identity, explanation) : identityText(identity);
}
