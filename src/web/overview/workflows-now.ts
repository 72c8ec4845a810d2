// The workflows that run now, and those of the last day, kept up to date.
import { useEffect, useState } from 'preact/hooks';
import type { WorkflowCounts } from '../../model/api/workflows.ts';
import type { Workflow } from '../../model/documents/workflow.ts';
import { countWorkflows, readWorkflows } from '../workflows/requests.ts';
import { useServices } from '../context.ts';
import { gathered } from '../live/gathered.ts';
import { Readings } from '../live/readings.ts';
import { messageOf } from '../session.ts';
import { sinceOf } from '../parts/span.tsx';

type Counts = WorkflowCounts['counts'];

export interface WorkflowsNow {
  /** Those that wait or run, the newest first; of many the first ones. */
  readonly active: readonly Workflow[];
  readonly counts: { readonly now?: Counts; readonly today?: Counts };
  readonly problem: string | undefined;
}

/** Changes are gathered for this long before everything is read again. */
const gatherMs = 1000;

export function useWorkflowsNow(): WorkflowsNow {
  const { session, live } = useServices();
  const [now, setNow] = useState<WorkflowsNow>({ active: [], counts: {}, problem: undefined });
  useEffect(() => {
    const readings = new Readings();
    let isGone = false;
    const read = async (): Promise<void> => {
      const isNews = readings.begin();
      try {
        const since = sinceOf('24h', Date.now() - session.clockAheadMs);
        const [page, all, today] = await Promise.all([
          readWorkflows(session, { state: 'active', limit: 50 }),
          countWorkflows(session, undefined),
          countWorkflows(session, since),
        ]);
        if (isGone || !isNews()) return;
        setNow({ active: page.workflows, counts: { now: all, today }, problem: undefined });
      } catch (err) {
        if (!isGone && isNews()) setNow((before) => ({ ...before, problem: messageOf(err) }));
      }
    };
    void read();
    const changes = gathered(() => void read(), gatherMs);
    const unfollow = live.onWorkflows(changes.ask);
    return () => {
      isGone = true;
      changes.stop();
      unfollow();
    };
  }, [session, live]);
  return now;
}
