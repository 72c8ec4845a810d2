// An entry of a log as one line of text.
import { inspect } from 'node:util';

/** `sentence key=value …`, on one line. */
export function logText(fields: Record<string, unknown>, message: string): string {
  const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${show(value)}`);
  return `${message}${pairs.join('')}`;
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
