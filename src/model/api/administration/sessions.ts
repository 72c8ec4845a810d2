// Requests and answers about sessions of browsers, between operators (the page, scripts) and the server.
import { Type, type Static } from 'typebox';
import { nullable } from '../../fields.ts';
import { strict } from '../request.ts';

/** The longest session that a token begins. Units: days. */
const mostSessionDays = 90;

export const NewSessionRequest = Type.Object(
  {
    days: Type.Integer({
      minimum: 1,
      maximum: mostSessionDays,
      description: 'it ends after so many days, and with its token at the latest',
    }),
  },
  strict,
);
export type NewSessionRequest = Static<typeof NewSessionRequest>;

const id = Type.String({ description: 'of the session; nobody gets in with it' });
const end = Type.String({ format: 'date-time' });

export const SessionCreated = Type.Object({ id, expires_at: end });
export type SessionCreated = Static<typeof SessionCreated>;

/** Those who are signed in on the page, by the cookie of a browser. */
export const SessionList = Type.Object({
  sessions: Type.Array(
    Type.Object({
      id,
      name: Type.String({ description: 'the person, or the token, as in the audit log' }),
      token: Type.Boolean({ description: 'true: begun with a token, whose end is its end' }),
      groups: Type.Array(Type.String(), {
        description: 'those that --oidc-access named when the person signed in',
      }),
      own: Type.Boolean({ description: 'true: of whoever asks' }),
      current: Type.Boolean({ description: 'true: that of the browser that asks' }),
      created_at: nullable(end),
      from: nullable(Type.String({ description: 'the address where it began' })),
      browser: nullable(Type.String({ description: 'as the browser called itself' })),
      expires_at: end,
    }),
  ),
});
export type SessionList = Static<typeof SessionList>;

export const SessionsEnded = Type.Object({ ended: Type.Integer({ description: 'how many' }) });
export type SessionsEnded = Static<typeof SessionsEnded>;
