// Identity conflicts that wait for an operator.
import { useLive } from './context.ts';
import { plural } from './format.ts';
import { Notice } from './parts.tsx';

export function ConflictsPage() {
  const { conflicts, problem } = useLive();
  if (conflicts === undefined) {
    return <Notice kind="busy" title={problem ?? 'Reading conflicts…'} />;
  }
  if (conflicts.length === 0) {
    return (
      <Notice kind="empty" title="No conflict waits for a decision.">
        <p>When two live machines claim one identity, they are shown here.</p>
      </Notice>
    );
  }
  return <Notice kind="error" title={`${plural(conflicts.length, 'conflict')} to decide.`} />;
}
