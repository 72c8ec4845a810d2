// The page of identity conflicts: check-ins that might come from a machine already known. An operator
// decides whether such a machine is one of the candidates or one of its own.
import { useEffect } from 'preact/hooks';
import type { IdentityConflict } from '../../model/history.ts';
import { acceptConflict, splitConflict } from '../api.ts';
import { useLive, useMay, useRow, useServices } from '../context.ts';
import { Card, LivenessMark, Notice, useNow, Age } from '../parts/parts.tsx';
import { useTask } from '../parts/task.ts';
import { Link } from '../router.tsx';

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
      <Notice kind="error" title="The conflicts could not be read.">
        <p>{problem}</p>
      </Notice>
    );
  }
  if (conflicts.length === 0) {
    return (
      <Notice kind="empty" title="No open conflicts.">
        <p>A machine that might be one of several known machines shows up here.</p>
      </Notice>
    );
  }
  return (
    <div class="conflicts">
      <h1>Open conflicts</h1>
      {conflicts.map((conflict) => (
        <Conflict key={conflict.id} conflict={conflict} />
      ))}
    </div>
  );
}

function Conflict({ conflict }: { conflict: IdentityConflict }) {
  const { live, session } = useServices();
  const nowMs = useNow() - session.clockAheadMs;
  const may = useMay();
  const { busy, problem, run } = useTask();
  const decide = (decision: () => Promise<void>): void => {
    void run(async () => {
      await decision();
      await live.conflictDecided();
    });
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
            disabled={busy || !may.operate}
            onClick={() => decide(() => acceptConflict(session, conflict.id, machine_id))}
          >
            Same machine
          </button>
        </div>
      ))}
      <div class="candidate">
        <div>
          <b>None of these</b>
          <p class="quiet">It remains a machine of its own.</p>
        </div>
        <button
          type="button"
          disabled={busy || !may.operate}
          onClick={() => decide(() => splitConflict(session, conflict.id))}
        >
          Separate machine
        </button>
      </div>
      <p class="problem" role="alert">
        {problem}
      </p>
    </Card>
  );
}

/** A machine's name, linked to its page. */
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
