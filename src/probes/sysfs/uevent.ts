// KEY=value lines as the kernel's uevent files have them. Pure.
import { clean } from '../reading.ts';

/** The values by key. Other lines are ignored; the first value of a key wins. */
export function parseUevent(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0 && !values.has(line.slice(0, equals))) {
      values.set(line.slice(0, equals), clean(line.slice(equals + 1)));
    }
  }
  return values;
}
