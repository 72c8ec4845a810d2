// Follows the server's events, over as many connections as it takes.
import { fullJitterMs, type BackoffPolicy } from '../core/backoff.ts';
import { AppError, isAppError } from '../core/errors.ts';
import {
  EventParser,
  type EventType,
  type ParsedEvent,
  type ServerEvent,
} from '../model/api/events.ts';
import type { CallOptions, Calls } from './calls.ts';

/** `id` is undefined for a `reset` that the client itself adds. */
export interface WatchedEvent extends Omit<ServerEvent, 'id'> {
  readonly id: string | undefined;
}

export interface WatchOptions extends CallOptions {
  /** Resumes after the event with this id, if the server still has those that followed. */
  readonly after?: string | undefined;
}

/** Three times the server's keep-alive interval. */
const longestSilenceMs = 45_000;
const backoff: BackoffPolicy = { baseMs: 1_000, capMs: 15_000 };

/** Yields events until the signal aborts, and then throws its reason. A lost connection is made again and
 *  resumed; if events were missed, a `reset` says so. Errors: those of any call if the first connection
 *  fails or a later one is refused; `server.garbled` for anything but an event. */
export async function* watch(
  calls: Calls,
  { after, signal }: WatchOptions,
  random: () => number,
): AsyncGenerator<WatchedEvent> {
  const ended = calls.endedBy(signal);
  let lastId = after;
  const connect = (): Promise<AsyncIterable<Uint8Array>> => {
    const headers = lastId === undefined ? {} : { 'last-event-id': lastId };
    return calls.stream('api/events', { headers, signal }, longestSilenceMs);
  };
  let parts = await connect();
  for (;;) {
    try {
      for await (const event of eventsOf(parts)) {
        lastId = event.id;
        yield event;
      }
    } catch (err) {
      ended.throwIfAborted();
      // Anything else means that the connection broke.
      if (isAppError(err)) throw err;
    }
    parts = await persistently(calls, connect, ended, random);
    // Without an id the server cannot tell what was missed.
    if (lastId === undefined) yield { id: undefined, type: 'reset', data: {} };
  }
}

/** Connects until it succeeds or the server refuses. */
async function persistently<T>(
  { clock }: Calls,
  connect: () => Promise<T>,
  signal: AbortSignal,
  random: () => number,
): Promise<T> {
  let askedMs = 0;
  for (let attempt = 0; ; attempt += 1) {
    await clock.sleep(Math.max(askedMs, fullJitterMs(backoff, attempt, random)), signal);
    try {
      return await connect();
    } catch (err) {
      signal.throwIfAborted();
      if (!isAppError(err) || !mayPass(err)) throw err;
      askedMs = Number(err.details['retryAfterMs'] ?? 0);
    }
  }
}

function mayPass({ code, details }: AppError): boolean {
  const status = Number(details['status'] ?? 0);
  const isAway = code === 'server.unreachable' || code === 'server.garbled';
  return isAway || status === 429 || status >= 500;
}

async function* eventsOf(parts: AsyncIterable<Uint8Array>): AsyncGenerator<WatchedEvent> {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  for await (const part of parts) {
    for (const event of parser.push(decoder.decode(part, { stream: true }))) yield readEvent(event);
  }
}

function readEvent({ id, type, data }: ParsedEvent): WatchedEvent {
  try {
    // Types of later versions are passed on unchanged.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return { id, type: type as EventType, data: JSON.parse(data) };
  } catch (err) {
    throw new AppError('server.garbled', 'the server sent something other than an event', {
      cause: err,
    });
  }
}
