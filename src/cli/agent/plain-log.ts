// A logger of readable lines. Pino would take a seventh of an idle agent's memory.
import { inspect } from 'node:util';
import type { Log } from '../../core/log.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;

/** Writes `time LEVEL sentence key=value …` for `level` and above; nothing for "silent". */
export function plainLog(out: NodeJS.WritableStream, level: string, now: () => Date): Log {
  const least = levels.findIndex((l) => l === level);
  const write =
    (name: (typeof levels)[number]) =>
    (fields: Record<string, unknown>, message: string): void => {
      if (least < 0 || levels.indexOf(name) < least) return;
      const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${show(value)}`);
      out.write(`${now().toISOString()} ${name.toUpperCase()} ${message}${pairs.join('')}\n`);
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** Formats a value on one line, quoted if it has spaces. */
function show(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'string')
    return /^[\w.:/@%+-]+$/.test(value) ? value : JSON.stringify(value);
  return Array.isArray(value)
    ? value.map(show).join(',')
    : inspect(value, { breakLength: Infinity });
}
