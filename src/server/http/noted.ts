// Answers in the histogram and in the server's log.
import type { onResponseHookHandler } from 'fastify';
import type { Log } from '../../core/log.ts';
import type { Metrics } from '../running/metrics/metrics.ts';

interface NotingServices {
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Counts and logs answers. */
export function noter(s: NotingServices): onResponseHookHandler {
  return (request, reply, done) => {
    noteAnswer(s, {
      id: request.id,
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      status: reply.statusCode,
      ms: reply.elapsedTime,
    });
    done();
  };
}

export interface Answered {
  readonly id: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly ms: number;
}

/** Counts and logs an answer. */
export function noteAnswer(
  s: NotingServices,
  { id: request_id, method, route, status, ms }: Answered,
): void {
  s.metrics.requests.observe({ method, route, status }, ms / 1000);
  s.log.debug({ request_id, method, route, status, ms: Math.round(ms) }, 'request answered');
}
