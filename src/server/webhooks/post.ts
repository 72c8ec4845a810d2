// One post of an event to the receiver of a webhook: its body, its headers, and what the answer means.
import type { Clock } from '../../core/clock.ts';
import { describeError } from '../../core/errors.ts';
import type { Delivery, Webhook } from '../../model/documents/webhook.ts';
import type { Receivers } from '../../webhooks/receiver.ts';
import { signedHeaders } from '../../webhooks/signature.ts';
import { longestPauseMs } from './policy.ts';
import { secretsOf, type Sealing } from './secrets.ts';

interface PostServices {
  readonly clock: Clock;
  readonly receivers: Receivers;
  readonly secrets: Sealing;
}

/** An event that did not arrive. */
export interface Missed {
  readonly error: string;
  /** The receiver asks for no more of anything. */
  readonly isGone: boolean;
  /** The pause that it asks for. */
  readonly askedMs: number;
}

/** Undefined where the event arrived. */
export async function post(
  { clock, receivers, secrets }: PostServices,
  webhook: Webhook,
  { id, event }: Delivery,
  signal: AbortSignal,
): Promise<Missed | undefined> {
  const body = JSON.stringify(event);
  try {
    const now = clock.now();
    const headers = signedHeaders(id, now, body, secretsOf(webhook, secrets, now));
    const { status, retryAfter } = await receivers.post(webhook.url, headers, body, signal);
    if (status >= 200 && status < 300) return undefined;
    const isRedirect = status >= 300 && status < 400;
    const error = `the receiver answered ${status}${isRedirect ? ', and no redirect is followed' : ''}`;
    return { error, isGone: status === 410, askedMs: pauseOf(retryAfter) };
  } catch (err) {
    return { error: describeError(err), isGone: false, askedMs: 0 };
  }
}

/** The time that a receiver asks to be left alone for, where it says so in seconds. */
function pauseOf(retryAfter: string | undefined): number {
  const seconds = /^\d{1,9}$/.test(retryAfter ?? '') ? Number(retryAfter) : 0;
  return Math.min(seconds * 1000, longestPauseMs);
}
