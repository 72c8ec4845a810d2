// The changes that operators made to a machine and to its workflows, for those who may read the audit log.
import { useCallback, useEffect } from 'preact/hooks';
import { readAudit } from '../audit/requests.ts';
import { auditPath } from '../audit/audit-filter.ts';
import { useServices } from '../context.ts';
import { useLoaded } from '../parts/loaded.ts';
import { Age, Card } from '../parts/parts.tsx';
import { Link } from '../router.tsx';

/** The newest changes, which are shown. */
const most = 20;

const verbs: Readonly<Record<string, string>> = {
  'machines.create': 'entered by hand',
  'machines.patch': 'changed',
  'machines.bulk': 'changed with others',
  'workflows.create': 'workflow ordered',
  'workflows.cancel': 'workflow cancelled',
  'workflows.release': 'workflow released',
};

export function OperatorsCard({ id, nowMs }: { id: string; nowMs: number }) {
  const { session, live } = useServices();
  const record = `machines/${id}`;
  const read = useCallback(() => readAudit(session, { record, limit: most }), [session, record]);
  const { value, problem, reload } = useLoaded(read);
  useEffect(() => live.onMachine(id, () => void reload()), [live, id, reload]);
  return (
    <Card title="Operators" aside={<Link to={auditPath({ record })}>Audit log</Link>}>
      {problem !== undefined && <p class="problem">{problem}</p>}
      {value?.entries.length === 0 && <p class="quiet">Nobody has changed anything here.</p>}
      <ol class="history">
        {value?.entries.map(({ id: entry, at, by, action, change }) => (
          <li key={entry}>
            <span>
              {verbs[action] ?? action} by <b>{by}</b> {detailOf(action, change)}
            </span>
            <span class="quiet">
              <Age atMs={Date.parse(at)} nowMs={nowMs} />
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

/** The part of a change that says what became of the machine. */
function detailOf(action: string, change: unknown) {
  const {
    ids: _ids,
    machine_id: _id,
    plan_digest: _one,
    plan_digests: _all,
    ...rest
  } = Object(change);
  if (action === 'workflows.cancel' || Object.keys(rest).length === 0) return null;
  return <code>{JSON.stringify(rest)}</code>;
}
