// One value out of a document, by its path: "hardware.disks.0.serial".
import { closest } from '../../core/text/closest.ts';
import { AppError } from '../../core/errors.ts';

/** The value at `path`; null or undefined: not known. Errors: AppError `usage.invalid` for a path that leads
 *  nowhere, with what there is instead. */
export function fieldAt(document: unknown, path: string): unknown {
  let value = document;
  const walked: string[] = [];
  for (const name of path.split('.')) {
    if (value === null || value === undefined) return undefined;
    value = step(value, name, walked.join('.'));
    walked.push(name);
  }
  return value;
}

function step(value: unknown, name: string, place: string): unknown {
  const at = place === '' ? '' : ` in ${place}`;
  if (typeof value !== 'object' || value === null) {
    throw new AppError('usage.invalid', `there is no "${name}"${at}: it is ${String(value)}`);
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  if (fields.has(name)) return fields.get(name);
  const names = [...fields.keys()];
  const meant = Array.isArray(value) ? undefined : closest(name, names);
  const instead =
    meant === undefined ? `there is ${names.join(', ') || 'nothing'}` : `did you mean ${meant}?`;
  throw new AppError('usage.invalid', `there is no "${name}"${at}: ${instead}`);
}

/** A value as a shell takes it: a text or a number alone, all else as `whole` writes it. */
export async function bare(
  value: unknown,
  whole: (value: unknown) => Promise<string>,
): Promise<string> {
  return typeof value === 'object' && value !== null ? whole(value) : `${String(value)}\n`;
}
