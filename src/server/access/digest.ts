// Tokens are compared by their digests and in constant time.
import * as crypto from 'node:crypto';

/** Compares in constant time. */
export function areEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && crypto.timingSafeEqual(a, b);
}

/** Compares texts in a time that tells no more than their lengths, without copying them. */
export function areSameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

export function digest(token: string): Buffer {
  return crypto.hash('sha256', token, 'buffer');
}
