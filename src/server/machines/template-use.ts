// The machines that a template is assigned to.
import { AppError } from '../../core/errors.ts';
import type { Machine } from '../../model/machine.ts';
import type { Store } from '../../store/store.ts';

/** So many of the machines are named. */
const mostNamed = 3;

/** Reads machines until enough are found. Errors: AppError `template.in-use` where any machine has the template,
 *  `store.*`. */
export async function refuseUsed({ store }: { store: Store }, name: string): Promise<void> {
  const found: Machine[] = [];
  for await (const { value } of store.machines.all()) {
    if (value.config.os_choice === name) found.push(value);
    if (found.length > mostNamed) break;
  }
  if (found.length === 0) return;
  const named = found
    .slice(0, mostNamed)
    .map(({ config }) => config.hostname ?? config.memorable_name);
  const more = found.length > mostNamed ? ' and more' : '';
  throw new AppError(
    'template.in-use',
    `the template ${name} is assigned to ${named.join(', ')}${more}: give them another one first, or delete it all the same`,
    { details: { machine_ids: found.slice(0, mostNamed).map(({ id }) => id) } },
  );
}
