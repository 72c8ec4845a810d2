// A logger of readable lines. Pino would take a seventh of an idle agent's memory.
import type { Log } from '../../../core/log.ts';
import { logText } from '../../../core/text/log-text.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;

/** Writes `time LEVEL sentence key=value …` for `level` and above; nothing for "silent". */
export function plainLog(out: NodeJS.WritableStream, level: string, now: () => Date): Log {
  const least = levels.findIndex((l) => l === level);
  const write =
    (name: (typeof levels)[number]) =>
    (fields: Record<string, unknown>, message: string): void => {
      if (least < 0 || levels.indexOf(name) < least) return;
      out.write(`${now().toISOString()} ${name.toUpperCase()} ${logText(fields, message)}\n`);
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
