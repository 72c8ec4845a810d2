// Session routes: beginning one with a token, the sessions that are open, and their end. Everybody sees and ends their own;
// who may do everything, those of all.
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { AppError } from '../../../core/errors.ts';
import {
  NewSessionRequest,
  SessionCreated,
  SessionList,
  SessionsEnded,
} from '../../../model/api/administration/sessions.ts';
import { mayEverything, type Principal } from '../../access/principal.ts';
import { isSame, sessionId, type Owner, type Place, type Session } from '../../access/sessions.ts';
import { cookieOf, setCookie } from '../../http/session-cookie.ts';
import type { App, Services } from '../../services.ts';
import { Done, errors } from '../route.ts';

const tags = ['tokens'];
const config = { access: 'self' as const, keepsToTags: true };
const dayMs = 86_400_000;

export function sessionRoutes(app: App, s: Services): void {
  const { sessions } = s.auth;

  app.post(
    '/api/sessions',
    {
      config,
      schema: {
        tags,
        summary: 'Begin a session of this browser with the token that is sent, for some days',
        body: NewSessionRequest,
        response: { 201: SessionCreated, ...errors },
      },
    },
    async (request, reply) => {
      const token = tokenOf(request.principal);
      const now = s.clock.now();
      const wantedMs = now.getTime() + request.body.days * dayMs;
      const expires = new Date(Math.min(wantedMs, token.expires?.getTime() ?? Infinity));
      const { name, sha256 } = token;
      const cookie = await sessions.beginOfToken({ name, sha256 }, expires, placeOf(request));
      await sessions.end(cookieOf(s, request, 'session') ?? '');
      const seconds = (expires.getTime() - now.getTime()) / 1000;
      setCookie(s, request, reply, 'session', cookie, seconds);
      const id = sessionId(cookie);
      void reply.header('location', `/api/sessions/${id}`);
      return reply.code(201).send({ id, expires_at: expires.toISOString() });
    },
  );

  app.get(
    '/api/sessions',
    {
      config,
      schema: {
        tags,
        summary:
          'List the sessions that have not ended: your own or, for who may do everything, all',
        response: { 200: SessionList, ...errors },
      },
    },
    async (request) => {
      const { isMine, mayEnd } = reach(request.principal);
      const current = sessionId(cookieOf(s, request, 'session') ?? '');
      const open = await s.auth.openSessions();
      return {
        sessions: open
          .filter(({ owner }) => mayEnd(owner))
          .map((session) => shown(session, isMine(session.owner), current)),
      };
    },
  );

  app.delete(
    '/api/sessions/:id',
    {
      config,
      schema: {
        tags,
        summary: 'End a session, on all servers of the store at once',
        params: Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{16}$' }) }),
        response: { 204: Done, ...errors },
      },
    },
    async (request, reply) => {
      await sessions.endOf(request.params.id, reach(request.principal).mayEnd);
      return reply.code(204).send(null);
    },
  );

  app.delete(
    '/api/sessions',
    {
      config,
      schema: {
        tags,
        summary: 'End all of your own sessions, this one as well',
        response: { 200: SessionsEnded, ...errors },
      },
    },
    async (request) => ({ ended: await sessions.endAll(reach(request.principal).isMine) }),
  );
}

/** The place where a request comes from. */
export function placeOf({ ip, headers }: FastifyRequest): Place {
  return { from: ip, browser: headers['user-agent'] };
}

/** The token that begins a session. One that a session stands for would let that go on for ever. */
function tokenOf(by: Principal): Extract<Principal, { kind: 'token' }> {
  if (by.kind === 'token' && !by.isSession) return by;
  throw new AppError(
    'auth.denied',
    'a session begins with a token of this server, sent as "Authorization: Bearer …"',
  );
}

/** The sessions that a sender may see and end. */
function reach(by: Principal) {
  const self: Owner | undefined =
    by.kind === 'token'
      ? { token: { name: by.name, sha256: by.sha256 } }
      : by.kind === 'person'
        ? { person: { name: by.name, issuer: by.issuer, groups: [] } }
        : undefined;
  const isMine = (owner: Owner): boolean => self !== undefined && isSame(owner, self);
  return { isMine, mayEnd: mayEverything(by) ? () => true : isMine };
}

function shown(
  { id, owner, expires, begun, from, browser }: Session,
  isOwn: boolean,
  current: string,
): SessionList['sessions'][number] {
  return {
    id,
    name: (owner.person ?? owner.token).name,
    token: owner.token !== undefined,
    groups: [...(owner.person?.groups ?? [])],
    own: isOwn,
    current: id === current,
    created_at: begun?.toISOString() ?? null,
    from: from ?? null,
    browser: browser ?? null,
    expires_at: expires.toISOString(),
  };
}
