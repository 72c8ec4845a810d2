// The dry run of a change of many machines.
import { useState } from 'preact/hooks';
import type { BulkChange } from '../../model/api/bulk.ts';
import type { BulkResponse } from '../../model/api/machines.ts';
import { useServices } from '../context.ts';
import { changeMachines } from '../machine/requests.ts';
import { useTask } from '../parts/task.ts';

/** The answer to a dry run, as long as the form stands as it was then. */
export function useDryRun(ids: readonly string[], change: BulkChange) {
  const { session } = useServices();
  const key = JSON.stringify([ids, change]);
  const [known, setKnown] = useState<{ key: string; answer: BulkResponse } | undefined>();
  const task = useTask();
  const ask = (): Promise<void> =>
    task.run(async () => {
      const answer = await changeMachines(session, ids, { ...change, dry_run: true });
      setKnown({ key, answer });
    });
  const forget = (): void => setKnown(undefined);
  return { answer: known?.key === key ? known.answer : undefined, ask, forget, ...task };
}

/** The digests of the plans that were shown, where the change is a workflow. */
export function digestsOf({ outlook = [] }: BulkResponse): Pick<BulkChange, 'plan_digests'> {
  const shown = outlook.flatMap(({ machine_id: id, plan_digest: digest }) =>
    digest === undefined ? [] : [[id, digest] as const],
  );
  return shown.length === 0 ? {} : { plan_digests: Object.fromEntries(shown) };
}
