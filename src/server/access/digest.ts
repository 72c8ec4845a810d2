// Tokens are compared by their digests and in constant time.
import * as crypto from 'node:crypto';

/** Compares in constant time. */
export function areEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && crypto.timingSafeEqual(a, b);
}

export function digest(token: string): Buffer {
  return crypto.hash('sha256', token, 'buffer');
}
