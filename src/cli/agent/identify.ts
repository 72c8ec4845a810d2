// `identify`: which machine this is, and why.
import type { IdentityExplanation } from '../../identity/identify.ts';
import type { Identity } from '../../model/inventory.ts';
import type { Args, Command } from '../command.ts';
import { hostOptions, inventoryOptions } from './host-options.ts';

/** The `identify` command of the agent. */
export const identify: Command = {
  name: 'identify',
  describe: 'print the identity of this machine',
  options: {
    ...hostOptions,
    explain: {
      type: 'boolean',
      default: false,
      describe: 'say of every source whether it counts, and why not',
    },
    json: { type: 'boolean', default: false, describe: 'print JSON' },
  },
  async run(args, { print, signal }) {
    const { explainInventory } = await import('../../inventory/inventory.ts');
    const { inventory, explanation } = await explainInventory(
      String(args['root']),
      inventoryOptions(args, signal),
    );
    print(await render(inventory.identity, explanation, args));
    return 0;
  },
};

async function render(
  identity: Identity,
  explanation: IdentityExplanation,
  args: Args,
): Promise<string> {
  const explains = args['explain'] === true;
  if (args['json'] === true) {
    const document = explains ? { ...identity, explanation } : identity;
    return `${JSON.stringify(document, null, 2)}\n`;
  }
  const { explanationText, identityText } = await import('../text/explain-text.ts');
  return explains ? explanationText(identity, explanation) : identityText(identity);
}
