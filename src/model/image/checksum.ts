// The checksum of a file as a template gives it. Pure; the plan and the agent read it alike.
import { AppError } from '../../core/errors.ts';

export interface Checksum {
  readonly algorithm: 'sha256' | 'sha512';
  /** Lower case. */
  readonly hex: string;
}

/** A checksum, or the URL of a file in which the image's name stands beside one. */
export type ChecksumSource = Checksum | { readonly url: string };

const algorithms = { 64: 'sha256', 128: 'sha512' } as const;

/** "sha256:…", "sha512:…", the bare digits, or a URL. Errors: AppError `action.invalid`. */
export function parseChecksum(text: string): ChecksumSource {
  const trimmed = text.trim();
  if (/^https?:\/\//i.test(trimmed)) return { url: trimmed };
  const [, named, hex = ''] = /^(?:(sha256|sha512)[:=])?([0-9a-f]+)$/i.exec(trimmed) ?? [];
  const checksum = checksumOf(hex);
  if (
    checksum !== undefined &&
    (named ?? checksum.algorithm).toLowerCase() === checksum.algorithm
  ) {
    return checksum;
  }
  throw new AppError(
    'action.invalid',
    'checksum must be sha256:DIGITS, sha512:DIGITS, the 64 or 128 digits alone, or the URL of a file of checksums',
  );
}

/** The checksum with these digits: their number says of which kind it is. */
export function checksumOf(hex: string): Checksum | undefined {
  const algorithm = hex.length === 64 || hex.length === 128 ? algorithms[hex.length] : undefined;
  return algorithm && { algorithm, hex: hex.toLowerCase() };
}
