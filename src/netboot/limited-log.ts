// A log of what anybody on a network can bring about, limited so that it cannot fill a disk.
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';

const perMs = 60_000;

/** Passes on so many lines a minute, and then counts: the next minute's first line is followed by how many were left
 *  out. */
export function limitedLog(log: Log, clock: Clock, mostPerMinute = 120): Log {
  let sinceMs = -Infinity;
  let lines = 0;
  const limited =
    (level: keyof Log) =>
    (fields: Parameters<Log['info']>[0], text: string): void => {
      const nowMs = clock.elapsedMs();
      const leftOut = Math.max(lines - mostPerMinute, 0);
      const isNext = nowMs - sinceMs >= perMs;
      if (isNext) [sinceMs, lines] = [nowMs, 0];
      lines += 1;
      if (lines <= mostPerMinute) log[level](fields, text);
      if (isNext && leftOut > 0) log.warn({ left_out: leftOut }, 'lines like these were left out');
    };
  return {
    debug: limited('debug'),
    info: limited('info'),
    warn: limited('warn'),
    error: limited('error'),
  };
}
