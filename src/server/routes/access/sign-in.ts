// Signing in with an OpenID provider: to the provider, back from it; and out again, whatever the session began with.
import type { FastifyReply, FastifyRequest } from 'fastify';
// Adds `hide` to route schemas.
import '@fastify/swagger';
import { Type } from 'typebox';
import { AppError, describeError, isAppError } from '../../../core/errors.ts';
import { SignInWays } from '../../../model/api/administration/tokens.ts';
import type { People } from '../../access/oidc/people.ts';
import { pendingSeconds } from '../../access/oidc/pending.ts';
import { nameOf } from '../../access/principal.ts';
import { sessionId } from '../../access/sessions.ts';
import { callbackPath, callbackUrl, cookieOf, setCookie } from '../../http/session-cookie.ts';
import { appendAudit } from '../../running/audit-log.ts';
import type { App, Services } from '../../services.ts';
import { Done, errors } from '../route.ts';
import { placeOf } from './sessions.ts';

const SignInQuery = Type.Object({
  to: Type.Optional(Type.String({ maxLength: 2048 })),
  moved: Type.Optional(Type.Boolean()),
});

const forBrowsers = {
  // A HEAD would use up a sign-in.
  exposeHeadRoute: false,
  config: { access: 'public' as const, isPage: true },
};

export function signInRoutes(app: App, s: Services): void {
  app.get(
    '/api/sign-in',
    {
      config: { access: 'public' },
      schema: {
        tags: ['tokens'],
        summary: 'Say how operators may sign in, besides with a token',
        response: { 200: SignInWays, ...errors },
      },
    },
    () => {
      const provider = s.auth.people?.provider.options.name;
      return { provider: provider === undefined ? null : { name: provider, url: '/auth/sign-in' } };
    },
  );

  app.post(
    '/api/sign-out',
    {
      config: { access: 'public' },
      schema: {
        tags: ['tokens'],
        summary: 'End the session that the cookie of a browser names',
        response: { 204: Done, ...errors },
      },
    },
    async (request, reply) => {
      await signOut(s, request);
      setCookie(s, request, reply, 'session', '', 0);
      return reply.code(204).send(null);
    },
  );

  const { people } = s.auth;
  if (people === undefined) return;
  app.get(
    '/auth/sign-in',
    { ...forBrowsers, schema: { hide: true, querystring: SignInQuery } },
    async (request, reply) => {
      const { to = '/', moved = false } = request.query;
      const callback = new URL(callbackUrl(s, request));
      // The cookie has to be that of the host that the provider sends the browser back to.
      if (callback.host !== request.host && !moved) {
        const query = new URLSearchParams({ to, moved: 'true' }).toString();
        const there = new URL(`/auth/sign-in?${query}`, callback);
        return reply.redirect(there.href, 303);
      }
      try {
        const { url, pending } = await people.provider.begin(callback.href);
        const kept = await people.signIns.seal(pending, ownPath(to));
        setCookie(s, request, reply, 'pending', kept, pendingSeconds);
        return await reply.redirect(url, 303);
      } catch (err) {
        return await failed(s, err, reply);
      }
    },
  );

  app.get(callbackPath, { ...forBrowsers, schema: { hide: true } }, (request, reply) =>
    finish(s, people, request, reply),
  );
}

async function finish(s: Services, people: People, request: FastifyRequest, reply: FastifyReply) {
  const callback = new URL(callbackUrl(s, request));
  callback.search = new URL(request.url, callback).search;
  const kept = cookieOf(s, request, 'pending') ?? '';
  setCookie(s, request, reply, 'pending', '', 0);
  try {
    const { by, cookie, returnTo } = await people.signIn(callback, kept, placeOf(request));
    await s.auth.sessions.end(cookieOf(s, request, 'session') ?? '');
    await appendAudit(s, entry(request, nameOf(by), 'sessions.create', cookie));
    const seconds = people.provider.options.sessionHours * 3600;
    setCookie(s, request, reply, 'session', cookie, seconds);
    s.log.info({ by: nameOf(by) }, 'somebody signed in');
    return await reply.redirect(returnTo, 303);
  } catch (err) {
    return failed(s, err, reply);
  }
}

async function signOut(s: Services, request: FastifyRequest): Promise<void> {
  const { sessions } = s.auth;
  const cookie = cookieOf(s, request, 'session');
  if (cookie === undefined) return;
  const session = await sessions.find(cookie);
  if (session === undefined) return;
  await sessions.end(cookie);
  const { name } = session.owner.person ?? session.owner.token;
  await appendAudit(s, entry(request, name, 'sessions.delete', cookie));
}

function entry(request: FastifyRequest, by: string, action: string, cookie: string) {
  const { ip: from, id: request_id } = request;
  const records = [`sessions/${sessionId(cookie)}`];
  return { by, from, action, records, change: null, request_id };
}

/** Leads back to the page, which says it in its own words; the log has the details. */
function failed({ log }: Services, err: unknown, reply: FastifyReply): FastifyReply {
  if (!isAppError(err)) throw err;
  log.warn({ error: describeError(err) }, 'a sign-in failed');
  const why = reasons[err.code];
  if (why === undefined) throw err;
  return reply.redirect(`/?sign-in=${why}`, 303);
}

const reasons: Partial<Record<AppError['code'], string>> = {
  'auth.denied': 'denied',
  'auth.required': 'late',
  'auth.provider': 'away',
};

/** A longer address would not fit into the cookie that keeps it. Units: characters. */
const longestPath = 2048;

/** An address of this server's page; "/" for any other, and for a very long one. */
function ownPath(text: string): string {
  const here = 'http://page.invalid';
  const url = text.startsWith('/') ? URL.parse(text, here) : null;
  const path = url?.origin === here ? url.pathname.replace(/^\/+/, '/') + url.search : '/';
  return path.length > longestPath ? '/' : path;
}
