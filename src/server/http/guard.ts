// Runs before every route: finds out who sends the request, refuses requests that a foreign page made a
// browser send, and adds headers, logs and metrics.
import type { FastifyRequest, onRequestHookHandler, onResponseHookHandler } from 'fastify';
import { AppError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Access, Auth, Principal } from '../access/auth.ts';
import type { Metrics } from '../running/metrics.ts';
import { isLoopback } from './connections.ts';
import type { App } from '../services.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The access that the route demands. Default: a read token to read, a full one for anything else. */
    access?: Access;
    /** Called all the time by everybody, so left out of request logs, histograms and page headers. */
    quiet?: boolean;
  }
  interface FastifyRequest {
    principal: Principal;
  }
}

export interface GuardServices {
  readonly auth: Auth;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Fit for pages and answers alike, because pages consist of the package's own files. */
const securityHeaders = {
  'content-security-policy':
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** The hooks take callbacks instead of returning promises, so that a heartbeat passes in one turn. */
export function guardRequests(app: App, s: GuardServices): void {
  // Declares the property, so that all requests have one shape.
  app.decorateRequest('principal');
  app.addHook('onRequest', admitter(s));
  const note = noter(s);
  app.addHook('onRoute', (route) => {
    if (route.config?.quiet === true) return;
    route.onRequest = [describe, route.onRequest ?? []].flat();
    route.onResponse = [route.onResponse ?? [], note].flat();
  });
}

/** Admits a request if its sender may use the route. */
function admitter(s: GuardServices): onRequestHookHandler {
  return (request, _reply, done) => {
    request.principal = { kind: 'anyone' };
    // Anybody may learn that a route does not exist.
    if (request.is404) {
      done();
      return;
    }
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const access = request.routeOptions.config.access ?? (isRead ? 'read' : 'full');
    const known = s.auth.admitAtOnce(request.headers.authorization, access);
    if (known !== undefined) {
      request.principal = known;
      done();
      return;
    }
    const admit = async (): Promise<void> => {
      if (access === 'read' || access === 'full') await refuseForeignPages(s, request);
      request.principal = await s.auth.admit(request.headers.authorization, access, {
        isRead,
        address: request.ip,
      });
    };
    // A hook that may finish at once has to finish through its callback.
    // oxlint-disable-next-line promise/no-callback-in-promise
    admit().then(() => done(), done);
  };
}

/** Sets the headers that all answers carry. */
const describe: onRequestHookHandler = (request, reply, done) => {
  void reply.headers(securityHeaders).header('x-request-id', request.id);
  if (request.url.startsWith('/api/')) void reply.header('cache-control', 'no-store');
  done();
};

/** Counts and logs answers. */
function noter(s: GuardServices): onResponseHookHandler {
  return (request, reply, done) => {
    const { method } = request;
    const route = request.routeOptions.url ?? 'none';
    const status = reply.statusCode;
    s.metrics.requests.observe({ method, route, status }, reply.elapsedTime / 1000);
    s.log.debug(
      { request_id: request.id, method, route, status, ms: Math.round(reply.elapsedTime) },
      'request answered',
    );
    done();
  };
}

/** Refuses requests that a page from elsewhere made a browser send. Without tokens such a page could
 *  otherwise use a browser on this host, even under a name of its own that resolves to loopback.
 *  Errors: AppError `auth.denied`. */
async function refuseForeignPages(s: GuardServices, request: FastifyRequest): Promise<void> {
  const { origin, host = '', 'sec-fetch-site': site } = request.headers;
  const isForeign = site === 'cross-site' || site === 'same-site';
  if (isForeign || (origin !== undefined && hostOf(origin) !== host)) {
    throw new AppError('auth.denied', 'this server refuses requests from pages of another origin');
  }
  if (!(await s.auth.isConfigured()) && !isLoopback(host.replace(/:\d+$/, ''))) {
    throw new AppError(
      'auth.denied',
      'without tokens this server answers to its loopback names only: use http://127.0.0.1, or create a token',
    );
  }
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
