// The size of a partition as a template gives it. Pure.
import { AppError } from '../../core/errors.ts';

const MiB = 1024 * 1024;

/** Its digits and its unit. */
export const sizePattern = /^\+?(\d{1,9})\s*([KMGT]?)(?:i?B)?$/i;

/** "512M", "8G", "1T", with an i or B behind; a bare number is in MiB. Errors: AppError `action.invalid`. */
export function parseSize(text: string): number {
  const [, digits = '', unit = 'M'] = sizePattern.exec(text.trim()) ?? [];
  const bytes = Number(digits) * 1024 ** ' KMGT'.indexOf(unit.toUpperCase() || 'M');
  if (digits !== '' && bytes >= MiB) return bytes;
  throw new AppError('action.invalid', `a size is written like 512M or 8G, not "${text}"`);
}
