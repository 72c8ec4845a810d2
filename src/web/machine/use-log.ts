// The log of a machine: its newest lines, and those that follow as long as it is followed.
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { MachineLogs } from '../../model/api/logs.ts';
import type { LogLine } from '../../model/documents/machine-log.ts';
import { useServices } from '../context.ts';
import { messageOf, type Session } from '../session.ts';

/** The lines that are read at first. */
const last = 200;
/** The most lines that are shown. */
const mostShown = 2000;
/** Units: seconds. */
const wait = 25;

interface Log {
  /** Undefined until they were read. */
  readonly lines: readonly LogLine[] | undefined;
  readonly problem: string | undefined;
}

interface Query {
  readonly cursor?: string;
  readonly last?: number;
  readonly wait?: number;
}

async function readLogs(
  session: Session,
  id: string,
  query: Query,
  signal: AbortSignal,
): Promise<MachineLogs> {
  const parameters = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  );
  const path = `/api/machines/${encodeURIComponent(id)}/logs?${parameters.toString()}`;
  return (await session.request<MachineLogs>(path, { signal })).body;
}

export function useLog(id: string, isFollowed: boolean): Log & { readonly reload: () => void } {
  const { session } = useServices();
  const [log, setLog] = useState<Log>({ lines: undefined, problem: undefined });
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    const { signal, ...control } = endable();
    const read = async (): Promise<void> => {
      let { lines, next } = await readLogs(session, id, { last }, signal);
      setLog({ lines, problem: undefined });
      if (!isFollowed) return;
      while (!signal.aborted) {
        const cursor = next === null ? {} : { cursor: next };
        const more = await readLogs(session, id, { ...cursor, wait }, signal);
        lines = [...lines, ...more.lines].slice(-mostShown);
        next = more.next;
        setLog({ lines, problem: undefined });
      }
    };
    read().catch((err: unknown) => {
      if (!signal.aborted) setLog((now) => ({ ...now, problem: messageOf(err) }));
    });
    return control.end;
  }, [session, id, isFollowed, asked]);
  return { ...log, reload: useCallback(() => setAsked((times) => times + 1), []) };
}

function endable(): { readonly signal: AbortSignal; readonly end: () => void } {
  const control = new AbortController();
  return { signal: control.signal, end: () => control.abort() };
}
