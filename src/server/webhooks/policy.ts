// The limits of webhooks: how often and how long a post is tried, and how much may wait.
import type { BackoffPolicy } from '../../core/backoff.ts';

export interface WebhookPolicy {
  /** Between two tries of one event. */
  readonly retry: BackoffPolicy;
  /** Between two tries of anything while a receiver does not answer. */
  readonly pause: BackoffPolicy;
  /** An event is given up after so many tries: with the retries above, after six hours, more or less. */
  readonly tries: number;
  /** Events that may wait for one webhook. Beyond, one `reset` comes in place of what follows. */
  readonly waiting: number;
  /** Events given up that are kept for each webhook, the newest. */
  readonly failed: number;
  /** Posts to one receiver at a time, each of another machine. */
  readonly atOnce: number;
  /** Once more is queued again, every server of the store queues it after this time. */
  readonly settleMs: number;
}

/** A server relies on what it knows of webhooks as long as its watch of the store is no older. */
export const knownMs = 5000;

export const defaultWebhooks: WebhookPolicy = {
  retry: { baseMs: 5000, capMs: 3_600_000 },
  pause: { baseMs: 1000, capMs: 300_000 },
  tries: 20,
  waiting: 10_000,
  failed: 1000,
  atOnce: 8,
  settleMs: 2 * knownMs,
};

/** The longest that a receiver may ask to be left alone (Retry-After). */
export const longestPauseMs = 3_600_000;
/** The most webhooks of one store: each costs every write a record. */
export const mostWebhooks = 16;
