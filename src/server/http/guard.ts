// Runs before every route: finds out who sends the request, refuses requests that a foreign page made a
// browser send, and adds headers, logs and metrics. Most heartbeats and check-ins bypass it: shortcuts/ does what they need
// of it.
import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../../core/errors.ts';
import type { Auth } from '../access/auth.ts';
import {
  isForOperators,
  isOperator,
  nameOf,
  type Access,
  type Principal,
} from '../access/principal.ts';
import { refuseLimited } from '../access/inside.ts';
import { actor } from '../running/actor.ts';
import type { Metrics } from '../running/metrics/metrics.ts';
import { elsewhere } from './requests/addresses.ts';
import { isBootConnection } from './boot/boot-listener.ts';
import { isLoopback, keepAlive } from './connections.ts';
import { cookieOf, hostOf, refuseUnproven } from './session-cookie.ts';
import { AgentsEntries } from './agents-entries.ts';
import { audit, type AuditingServices } from './auditing.ts';
import { LargeAnswers, type PageServices } from './large-answers.ts';
import { noter } from './noted.ts';
import { represent } from './representation.ts';
import type { App } from '../services.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The access that the route demands. Default: a read token to read, a full one for anything else. */
    access?: Access;
    /** Called all the time by everybody, so left out of request logs, histograms and page headers. */
    quiet?: boolean;
    /** It keeps to the tags that a token is limited to. */
    keepsToTags?: boolean;
    /** The listener without TLS for machines that boot answers it as well. */
    isForBoots?: boolean;
    /** It changes nothing, whatever its method, and so stays out of the audit log. */
    changesNothing?: boolean;
    /** It changes nothing, but what it hands out belongs in the audit log. */
    isAudited?: boolean;
    /** A document of the page, to which links from elsewhere may lead. */
    isPage?: boolean;
  }
  interface FastifyRequest {
    principal: Principal;
  }
}

export interface GuardServices extends AuditingServices, PageServices {
  readonly auth: Auth;
  readonly metrics: Metrics;
  /** This server's URL as agents reach it, if configured. */
  readonly publicUrl: string | undefined;
}

/** Fit for pages and answers alike, because pages consist of the package's own files. */
export const securityHeaders = {
  'content-security-policy':
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** Gives all answers their common headers, those of unknown routes and those that are refused for whatever reason. */
export function identifyRequests(app: App): void {
  app.addHook('onRequest', (request, reply, done) => {
    identify(request, reply);
    done();
  });
}

/** The hooks take callbacks instead of returning promises, so that a heartbeat passes in one turn. */
export function guardRequests(app: App, s: GuardServices): void {
  // Declaring the property gives all requests one shape.
  app.decorateRequest('principal');
  // Without a listener Node would answer by itself, without the headers that all answers have.
  app.server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    app.routing(request, response);
  });
  app.addHook('onRequest', refuseMalformed);
  app.addHook('onRequest', admitter(s));
  const note = noter(s);
  const agents = new AgentsEntries(s.clock);
  const large = new LargeAnswers(s);
  app.addHook('onRoute', (route) => {
    audit(route, s, agents);
    if (route.config?.quiet !== true) {
      route.onRequest = [describe, route.onRequest ?? []].flat();
      route.onResponse = [route.onResponse ?? [], note].flat();
      represent(route);
    }
    large.bound(route);
  });
}

/** Admits a request if its sender may use the route. */
function admitter(s: GuardServices): onRequestHookHandler {
  const refuseNames = hostRule(s.publicUrl);
  return (request, _reply, done) => {
    request.principal = { kind: 'anyone' };
    // Anybody may learn that a route does not exist.
    if (request.is404) {
      done();
      return;
    }
    if (isBootConnection(request.raw.socket) && request.routeOptions.config.isForBoots !== true) {
      done(misdirected(s, request));
      return;
    }
    const { access } = accessOf(request);
    const known = s.auth.admitAtOnce(request.headers.authorization, access);
    if (known !== undefined) {
      request.principal = known;
      try {
        if (known.kind === 'anyone') {
          refuseForeignPages(request);
          refuseNames(request.raw);
        }
      } catch (err) {
        // Only an AppError is thrown there.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        done(err as AppError);
        return;
      }
      done();
      return;
    }
    const isOperators = (by: Principal): boolean =>
      access === 'agent' ? isOperator(by) : isForOperators(access) && access !== 'read';
    const admit = async (): Promise<void> => {
      const isOpen = !(await s.auth.isConfigured(access));
      if (isOpen || isForOperators(access)) refuseForeignPages(request);
      if (isOpen) refuseNames(request.raw);
      request.principal = await senderOf(s, request);
      if (request.principal.kind === 'stock') refusePages(request);
    };
    const goOn = (): void => {
      const { principal } = request;
      if (isOperators(principal)) actor.run(nameOf(principal), done);
      else done();
    };
    // A hook that may finish at once has to finish through its callback.
    // oxlint-disable-next-line promise/no-callback-in-promise
    admit().then(goOn, done);
  };
}

/** The access that a request needs. */
function accessOf({ method, routeOptions }: FastifyRequest): { access: Access; isRead: boolean } {
  const isRead = method === 'GET' || method === 'HEAD';
  return { access: routeOptions.config.access ?? (isRead ? 'read' : 'full'), isRead };
}

/** The sender of a request who may, as of now, use its route. Errors: AppError `auth.required`, `auth.denied`,
 *  `store.*`. */
export async function senderOf(
  s: Pick<GuardServices, 'auth' | 'publicUrl'>,
  request: FastifyRequest,
): Promise<Principal> {
  const { access, isRead } = accessOf(request);
  const { authorization } = request.headers;
  const session = authorization === undefined ? cookieOf(s, request, 'session') : undefined;
  if (session !== undefined && !isRead) refuseUnproven(request);
  const credentials = { authorization, session, isRead, address: request.ip };
  const sender = await s.auth.admit(access, credentials);
  if (request.routeOptions.config.keepsToTags !== true) refuseLimited(sender);
  return sender;
}

/** Gives an answer the headers of every answer; also one to an address that cannot be decoded, which no hook sees. */
export function identify(request: FastifyRequest, reply: FastifyReply): void {
  const headers = commonHeaders(request.id, reply.raw);
  for (let i = 0; i < headers.length; i += 2) void reply.header(headers[i] ?? '', headers[i + 1]);
}

const refuseMalformed: onRequestHookHandler = (request, _reply, done) => {
  done(hostFault(request.raw) ?? unmetExpectation(request.raw));
};

/** The headers of every answer, names and values in turns. */
export function commonHeaders(requestId: string, response: ServerResponse): string[] {
  const headers = ['x-request-id', requestId, 'x-content-type-options', 'nosniff'];
  if (response.shouldKeepAlive) headers.push('keep-alive', keepAlive);
  return headers;
}

/** Node takes the first Host, while a proxy may have acted on another one. Source: RFC 9112 section 3.2. */
export function hostFault({ rawHeaders, httpVersion }: IncomingMessage): AppError | undefined {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  if (hosts === 1 || (hosts === 0 && httpVersion === '1.0')) return undefined;
  const how = hosts === 0 ? 'no Host' : 'more than one Host';
  return new AppError('request.malformed', `the request has ${how}`);
}

/** Source: RFC 9110 section 10.1.1, which knows one expectation. */
function unmetExpectation({ headers: { expect } }: IncomingMessage): AppError | undefined {
  return expect === undefined || expect.toLowerCase() === '100-continue'
    ? undefined
    : new AppError('request.malformed', 'the request expects more than 100-continue');
}

/** The headers of the answers of an API's route, beside those of all, names and values in turns. */
export const apiHeaders: readonly string[] = Object.entries({
  ...securityHeaders,
  'cache-control': 'no-store',
}).flat();

/** Sets the headers of everything that a browser may show. */
const describe: onRequestHookHandler = (request, reply, done) => {
  void reply.headers(securityHeaders);
  if (/^\/(?:api|auth)\//.test(request.url)) void reply.header('cache-control', 'no-store');
  done();
};

/** The refusal of a route that the listener for boot files does not answer. */
function misdirected(s: GuardServices, request: FastifyRequest): AppError {
  return new AppError(
    'route.elsewhere',
    `nothing protects what is sent to this address: it has boot files and takes the reports of installed systems, no more; use ${elsewhere(s, request)}`,
  );
}

/** Refuses requests that a page from elsewhere made a browser send. Errors: AppError `auth.denied`. */
function refuseForeignPages({ headers, routeOptions }: FastifyRequest): void {
  const { origin, host = '', 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers;
  if (site === undefined && origin === undefined) return;
  const isLink = mode === 'navigate' && routeOptions.config.isPage === true;
  // A value that no browser sends today is not taken for this origin either.
  const isForeign = site !== undefined && site !== 'same-origin' && site !== 'none' && !isLink;
  if (isForeign || (origin !== undefined && hostOf(origin) !== host)) {
    throw new AppError('auth.denied', 'this server refuses requests from pages of another origin');
  }
}

/** Refuses requests of a page, of whichever origin: a name that is its own may resolve to this server, and no agent says
 *  where it comes from. Errors: AppError `auth.denied`. */
function refusePages({ headers }: FastifyRequest): void {
  if (headers.origin === undefined && headers['sec-fetch-site'] === undefined) return;
  throw new AppError('auth.denied', 'a page in a browser is no agent: it needs a token here');
}

/** The host in a request's target, which counts in place of its Host (RFC 9112, section 3.2.2); undefined where the target
 *  is a path alone. */
function absoluteHost(target = ''): string | undefined {
  return target.startsWith('/') ? undefined : /^[a-z]+:\/\/([^/?#]*)/i.exec(target)?.[1];
}

/** No name that DNS resolves is written so. */
const addressLiteral = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/;

/** Without tokens a page from elsewhere could use a browser on this network under a name of its own, which it
 *  lets resolve to this server. An address cannot be made to resolve. */
export function hostRule(publicUrl: string | undefined): (request: IncomingMessage) => void {
  const own = hostOf(publicUrl ?? '')?.replace(/:\d+$/, '');
  let lastGood: string | undefined;
  return ({ headers, url }) => {
    const host = absoluteHost(url) ?? headers.host ?? '';
    if (host === lastGood) return;
    const name = host.replace(/:\d+$/, '').toLowerCase();
    if (!addressLiteral.test(name) && !isLoopback(name) && name !== own) {
      throw new AppError(
        'auth.denied',
        'without tokens this server answers to loopback names, IP addresses and the host of --public-url alone: use one of these, or create a token',
      );
    }
    lastGood = host;
  };
}
