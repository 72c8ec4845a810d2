// Requests and answers about tokens, between operators (the page, scripts) and the server.
import { Type, type Static } from 'typebox';
import { nullable } from '../../fields.ts';
import { damaged } from './damaged.ts';
import { Tag, mostTags, strict } from '../request.ts';

export const TokenScope = Type.Enum(['read', 'operate', 'full', 'enrol'], {
  description:
    'read: operators may look; operate: also change machines, workflows and templates; full: everything; enrol: agents may register',
});
export type TokenScope = Static<typeof TokenScope>;

export const TokenName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' });

export const NewTokenRequest = Type.Object(
  {
    name: TokenName,
    scope: TokenScope,
    tags: Type.Optional(
      Type.Array(Tag, {
        minItems: 1,
        maxItems: mostTags,
        description: 'it is good for machines with one of these alone',
      }),
    ),
    expires_at: Type.Optional(nullable(Type.String({ format: 'date-time' }))),
  },
  strict,
);
export type NewTokenRequest = Static<typeof NewTokenRequest>;

export const TokenCreated = Type.Object({
  name: Type.String(),
  scope: TokenScope,
  token: Type.String({ description: 'shown only this once' }),
});
export type TokenCreated = Static<typeof TokenCreated>;

export const TokenList = Type.Object({
  tokens: Type.Array(
    Type.Object({
      name: Type.String(),
      scope: TokenScope,
      tags: Type.Optional(Type.Array(Type.String())),
      created_at: Type.String(),
      expires_at: nullable(Type.String()),
      last_used: nullable(Type.String({ description: 'null: not since this was noted' })),
    }),
  ),
  damaged,
});
export type TokenList = Static<typeof TokenList>;

/** The sender of a request, as the server knows it. */
export const Myself = Type.Object({
  name: Type.String({
    description:
      'the name of its token, or of the person who signed in; "anyone" on a server without tokens',
  }),
  scope: Type.Enum(['read', 'operate', 'full'], {
    description: 'full on a server without tokens, which lets anybody on this host do everything',
  }),
  tags: Type.Optional(
    Type.Array(Type.String(), { description: 'it is good for machines with one of these alone' }),
  ),
  open: Type.Optional(
    Type.Boolean({ description: 'true: nobody, as the server has no tokens and needs none' }),
  ),
  session: Type.Optional(
    Type.Boolean({
      description: 'true: by the cookie of a browser, which POST /api/sign-out ends',
    }),
  ),
  expires_at: nullable(Type.String()),
});
export type Myself = Static<typeof Myself>;

/** The ways for operators to sign in on the page, besides a token. */
export const SignInWays = Type.Object({
  provider: nullable(
    Type.Object({
      name: Type.String({ description: 'the OpenID provider, as people call it' }),
      url: Type.String({ description: 'the address that leads a browser to it' }),
    }),
  ),
});
export type SignInWays = Static<typeof SignInWays>;
