// Sessions: the browsers that are signed in, one's own and, for who may do everything, those of all; ending them.
import { useCallback, useState } from 'preact/hooks';
import type { SessionList } from '../../../model/api/administration/sessions.ts';
import { useMay, useServices } from '../../context.ts';
import { Table } from '../../machine/facts.tsx';
import { DangerDialog } from '../../parts/dialogs/danger-dialog.tsx';
import { formatTime } from '../../parts/format.ts';
import { useLoaded } from '../../parts/loaded.ts';
import { Card, Notice } from '../../parts/parts.tsx';
import { browserName } from './browser-name.ts';
import { endOwnSessions, endSession, readSessions } from './requests.ts';

type One = SessionList['sessions'][number];

export function SessionsCard() {
  const { session } = useServices();
  const { administer } = useMay();
  const read = useCallback(() => readSessions(session), [session]);
  const { value: sessions = [], problem, reload } = useLoaded(read);
  const [ending, setEnding] = useState<One | 'own' | undefined>();
  const hasOwn = sessions.some(({ own }) => own);
  const isCurrent = (one: One | 'own'): boolean =>
    one === 'own' ? sessions.some(({ current }) => current) : one.current;
  const end = async (one: One | 'own'): Promise<void> => {
    await (one === 'own' ? endOwnSessions(session) : endSession(session, one.id));
    if (isCurrent(one)) location.reload();
    setEnding(undefined);
    await reload();
  };
  return (
    <Card
      title="Sessions"
      aside={
        hasOwn && (
          <button type="button" onClick={() => setEnding('own')}>
            Sign out everywhere…
          </button>
        )
      }
    >
      {problem !== undefined && <Notice kind="error" title={problem} />}
      {problem === undefined && sessions.length === 0 && (
        <p class="quiet">
          {administer ? 'No browser is signed in for longer than its tab is open.' : 'None.'}
        </p>
      )}
      {sessions.length > 0 && <SessionTable sessions={sessions} onEnd={setEnding} />}
      {ending !== undefined && (
        <DangerDialog
          title={ending === 'own' ? 'Sign out everywhere?' : `End the session of ${ending.name}?`}
          action={ending === 'own' ? 'Sign out everywhere' : 'End'}
          work={() => end(ending)}
          onClose={() => setEnding(undefined)}
        >
          <p>
            {ending === 'own'
              ? 'All of your browsers are signed out, on all servers at once.'
              : 'Its browser is signed out, on all servers at once.'}{' '}
            A token that began it stays good: to end that too, revoke it.
          </p>
          {isCurrent(ending) && <p class="problem">This browser is signed out as well.</p>}
        </DangerDialog>
      )}
    </Card>
  );
}

interface TableProps {
  readonly sessions: readonly One[];
  readonly onEnd: (one: One) => void;
}

function SessionTable({ sessions, onEnd }: TableProps) {
  return (
    <Table
      label="Browsers that are signed in"
      head={['Name', 'Browser', 'From', 'Since', 'Until', 'End']}
      rows={sessions.map((one) => [
        <>
          <b>{one.name}</b>
          <span class="quiet">
            {one.token && ' token'}
            {one.current && ' (this browser)'}
          </span>
        </>,
        one.browser === null ? null : <span title={one.browser}>{browserName(one.browser)}</span>,
        one.from,
        one.created_at === null ? null : formatTime(one.created_at),
        formatTime(one.expires_at),
        <button
          type="button"
          aria-label={`End the session of ${one.name}, until ${formatTime(one.expires_at)}`}
          onClick={() => onEnd(one)}
        >
          End…
        </button>,
      ])}
    />
  );
}
