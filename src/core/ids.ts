// Makes ids that grow with time: UUIDs of version 7, of which each is greater than those that this process made before.
import * as crypto from 'node:crypto';

/** Ids of one millisecond. */
const most = 0x1000;

let lastMs = 0;
let count = 0;

/** The time, a count within the millisecond, and 62 random bits, which Node draws for many ids at once.
 *  Source: RFC 9562 section 6.2, method 1. */
export function newId(): string {
  const nowMs = Date.now();
  if (nowMs > lastMs) [lastMs, count] = [nowMs, 0];
  else if ((count += 1) === most) [lastMs, count] = [lastMs + 1, 0];
  const time = lastMs.toString(16).padStart(12, '0');
  const counted = count.toString(16).padStart(3, '0');
  // After its version a random UUID has the same parts.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counted}${crypto.randomUUID().slice(18)}`;
}

/** Ids that are unique across runs of a program, of which each has one of its own, and cheap. */
export function countedIds(run: string): () => string {
  let made = 0;
  return () => `${run}-${(made += 1)}`;
}
