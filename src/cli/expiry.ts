// The end of a token, as it is written on a command line.
import { AppError } from '../core/errors.ts';

/** Reads "90d", "12h", "30m" or a date; null without one. Errors: AppError `usage.invalid`. */
export function expiry(value: string | undefined, now: Date): Date | null {
  if (value === undefined) return null;
  const [, count, unit] = /^(\d{1,6})([dhm])$/.exec(value) ?? [];
  const minutes = { d: 1440, h: 60, m: 1 }[unit ?? ''];
  const date =
    minutes === undefined
      ? new Date(value)
      : new Date(now.getTime() + Number(count) * minutes * 60_000);
  if (Number.isNaN(date.getTime()) || date <= now) {
    throw new AppError('usage.invalid', '--expires must be in the future: 90d, 12h or a date');
  }
  return date;
}
