// A line of a machine's log, as people read it. Pure: the page has it, without the schemas.
import type { LogLine } from '../documents/machine-log.ts';

/** "2026-11-26T15:41:05.482Z agent  WARN server not reached" */
export function logLineText({ at, source, level = 'info', text }: LogLine): string {
  const loud = level === 'info' ? '' : `${level.toUpperCase()} `;
  return `${at} ${source.padEnd(6)} ${loud}${text}`;
}
