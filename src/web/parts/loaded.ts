// An answer of the API that a card or a page shows: read when it appears, again when asked, and when the server is back.
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { useLive } from '../context.ts';
import { Readings } from '../live/readings.ts';
import { messageOf } from '../session.ts';

export interface Loaded<T> {
  readonly value: T | undefined;
  /** The reason why it could not be read the last time. */
  readonly problem: string | undefined;
  readonly reload: () => Promise<void>;
}

/** `read` has to be the same function as long as it reads the same thing. `everyMs`: the interval of reading it again,
 *  if any. */
export function useLoaded<T>(read: () => Promise<T>, everyMs?: number): Loaded<T> {
  const [value, setValue] = useState<T | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  const readings = useMemo(() => new Readings(), [read]);
  const reload = useCallback(async () => {
    const isNews = readings.begin();
    try {
      const answer = await read();
      if (!isNews()) return;
      setValue(() => answer);
      setProblem(undefined);
    } catch (err) {
      if (isNews()) setProblem(messageOf(err));
    }
  }, [read, readings]);
  useEffect(() => {
    void reload();
    if (everyMs === undefined) return undefined;
    const timer = setInterval(() => void reload(), everyMs);
    return () => clearInterval(timer);
  }, [reload, everyMs]);
  const { connection } = useLive();
  const isBack = connection === 'live' || connection === 'polled';
  useEffect(() => {
    if (isBack && problem !== undefined) void reload();
  }, [isBack]);
  return { value, problem, reload };
}
