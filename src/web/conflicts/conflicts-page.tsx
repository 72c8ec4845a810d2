// Identity conflicts: check-ins that the server could not tell apart with certainty. An operator
// decides whether such a machine is one of those it resembles, or one of its own.
import { useEffect, useState } from 'preact/hooks';
import type { IdentityConflict } from '../../model/history.ts';
import { acceptConflict, splitConflict } from '../api.ts';
import { useLive, useRow, useServices } from '../context.ts';
import { Card, LivenessMark, Notice, useNow, Age } from '../parts/parts.tsx';
import { Link } from '../router.tsx';
import { messageOf } from '../session.ts';

const reasons: Readonly<Record<IdentityConflict['reason'], string>> = {
  ambiguous: 'its evidence points at several machines',
  contradicted: 'its evidence contradicts itself',
  indistinguishable: 'it cannot be told apart from another machine',
};

export function ConflictsPage() {
  const { conflicts, problem } = useLive();
  useEffect(() => {
    document.title = 'Conflicts · Dragonfly';
  }, []);
  if (conflicts === undefined) {
    return problem === undefined ? (
      <Notice kind="busy" title="Reading conflicts…" />
    ) : (
      <Notice kind="error" title="The conflicts cannot be shown.">
        <p>{problem}</p>
      </Notice>
    );
  }
  if (conflicts.length === 0) {
    return (
      <Notice kind="empty" title="No conflict waits for a decision.">
        <p>A machine that might be one of several known ones is shown here.</p>
      </Notice>
    );
  }
  return (
    <div class="conflicts">
      <h1>Conflicts to decide</h1>
      {conflicts.map((conflict) => (
        <Conflict key={conflict.id} conflict={conflict} />
      ))}
    </div>
  );
}

function Conflict({ conflict }: { conflict: IdentityConflict }) {
  const { live, session } = useServices();
  const nowMs = useNow() - session.clockAheadMs;
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | undefined>();
  const decide = async (decision: Promise<void>): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      await decision;
      await live.conflictDecided();
    } catch (err) {
      setProblem(messageOf(err));
      setBusy(false);
    }
  };
  return (
    <Card title="Which machine is this?">
      <div>
        <MachineName id={conflict.machine_id} />
        <p class="quiet">
          Checked in <Age atMs={Date.parse(conflict.created_at)} nowMs={nowMs} ago />:{' '}
          {reasons[conflict.reason]}.
        </p>
      </div>
      {conflict.candidates.map(({ machine_id, evidence }) => (
        <div key={machine_id} class="candidate">
          <div>
            <MachineName id={machine_id} />
            <ul class="quiet">
              {evidence.map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
          </div>
          <button
            type="button"
            disabled={busy}
            onClick={() => void decide(acceptConflict(session, conflict.id, machine_id))}
          >
            It is this one
          </button>
        </div>
      ))}
      <div class="candidate">
        <div>
          <b>None of these</b>
          <p class="quiet">It stays a machine of its own.</p>
        </div>
        <button
          type="button"
          disabled={busy}
          onClick={() => void decide(splitConflict(session, conflict.id))}
        >
          It is another one
        </button>
      </div>
      <p class="problem" role="alert">
        {problem}
      </p>
    </Card>
  );
}

/** A machine by its name, as a link to its page. */
function MachineName({ id }: { id: string }) {
  const row = useRow(id);
  return (
    <span class="machine-name">
      <Link to={`/machines/${id}`}>{row?.name ?? id}</Link>
      {row !== undefined && <LivenessMark liveness={row.liveness} />}
      {row !== undefined && <span class="quiet">{row.hardware}</span>}
    </span>
  );
}
