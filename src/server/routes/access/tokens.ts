// Token routes: tokens have names, are shown once, and are listed without their secret.
import { Type } from 'typebox';
import { AppError } from '../../../core/errors.ts';
import {
  Myself,
  NewTokenRequest,
  TokenCreated,
  TokenList,
  TokenName,
} from '../../../model/api/administration/tokens.ts';
import { invalid } from '../../rules/violations.ts';
import type { App, Services } from '../../services.ts';
import { isOperator, nameOf } from '../../access/principal.ts';
import {
  createToken,
  damagedTokens,
  hasFullToken,
  listTokens,
  noteUsed,
  revokeToken,
  shownTokens,
} from '../../access/tokens.ts';
import { damagedOf, Done, errors } from '../route.ts';

export function tokenRoutes(app: App, s: Services): void {
  app.get(
    '/api/whoami',
    {
      config: { access: 'read', keepsToTags: true },
      schema: {
        tags: ['tokens'],
        summary: 'Say who sends this request, and what it may do',
        response: { 200: Myself, ...errors },
      },
    },
    ({ principal }) => {
      if (!isOperator(principal) || principal.scope === 'enrol') {
        return { name: nameOf(principal), scope: 'full' as const, open: true, expires_at: null };
      }
      const { name, scope, tags, expires, isSession } = principal;
      return {
        name,
        scope,
        ...(tags === undefined ? {} : { tags: [...tags] }),
        ...(isSession ? { session: true } : {}),
        expires_at: expires?.toISOString() ?? null,
      };
    },
  );

  app.get(
    '/api/tokens',
    {
      config: { access: 'full' },
      schema: {
        tags: ['tokens'],
        summary: 'List tokens, without their secrets',
        response: { 200: TokenList, ...errors },
      },
    },
    async () => {
      // The uses that this server has not written yet count as well.
      await noteUsed(s.store, s.auth.takeUsed());
      return {
        tokens: await shownTokens(s.store),
        ...damagedOf({ damaged: await damagedTokens(s.store) }),
      };
    },
  );

  app.post(
    '/api/tokens',
    {
      config: { access: 'full' },
      schema: {
        tags: ['tokens'],
        summary: 'Create a token; only this answer shows it',
        body: NewTokenRequest,
        response: { 201: TokenCreated, ...errors },
      },
    },
    async (request, reply) => {
      const { name, scope, tags, expires_at } = request.body;
      if (scope === 'enrol' && tags !== undefined) {
        const message = 'go with no enrolment token: a machine has no tags before it registers';
        throw invalid('body', [{ instancePath: '/tags', message, params: {} }]);
      }
      if (
        (scope !== 'full' || tags !== undefined) &&
        request.principal.kind !== 'person' &&
        !hasFullToken(await listTokens(s.store), s.clock.now())
      ) {
        throw new AppError(
          'token.needs-full',
          'create a token of scope full first: with this one alone nobody could get in any more',
        );
      }
      const expiresAt = typeof expires_at === 'string' ? expiryOf(expires_at, s.clock.now()) : null;
      const token = await createToken(s.store, s.clock, { name, scope, tags, expiresAt });
      await s.auth.reload();
      s.log.info({ name, scope, by: nameOf(request.principal) }, 'a token was created');
      void reply.header('location', `/api/tokens/${name}`);
      return reply.code(201).send({ name, scope, token });
    },
  );

  app.delete(
    '/api/tokens/:name',
    {
      config: { access: 'full' },
      schema: {
        tags: ['tokens'],
        summary: 'Revoke a token',
        params: Type.Object({ name: TokenName }),
        response: { 204: Done, ...errors },
      },
    },
    async (request, reply) => {
      await revokeToken(s.store, request.params.name);
      await s.auth.reload();
      s.log.info({ name: request.params.name }, 'a token was revoked');
      return reply.code(204).send(null);
    },
  );
}

/** The time in a date that is RFC 3339. Errors: AppError `request.invalid`. */
function expiryOf(text: string, now: Date): Date {
  const date = new Date(text);
  const refuse = (why: string): AppError =>
    invalid('body', [{ instancePath: '/expires_at', message: why, params: {} }]);
  // A leap second, which no clock here has.
  if (Number.isNaN(date.getTime())) throw refuse('is not a time that this server can keep');
  // Beyond, the same time in UTC has a year of five digits.
  if (date.getUTCFullYear() > 9999) throw refuse('must be before the year 10000 in UTC');
  if (date <= now) throw refuse('must be in the future');
  return date;
}
