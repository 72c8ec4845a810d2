// The cookies of people who sign in on the page. No script of the page can read them.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Auth } from '../access/auth.ts';
import { AppError } from '../../core/errors.ts';

/** session: sent by this server's own pages alone. pending: also with the provider's redirect, which comes from
 *  elsewhere, and for the time of a sign-in. */
const kinds = {
  session: { name: 'dragonfly_session', site: 'Strict' },
  pending: { name: 'dragonfly_sign_in', site: 'Lax' },
} as const;
type Kind = keyof typeof kinds;

interface CookieServices {
  readonly auth: Auth;
  readonly publicUrl: string | undefined;
}

export const callbackPath = '/auth/callback';

/** The address that the provider sends people back to. */
export function callbackUrl({ auth, publicUrl }: CookieServices, request: FastifyRequest): string {
  const { callback } = auth.people?.provider.options ?? {};
  return callback ?? (publicUrl ?? `${request.protocol}://${request.host}`) + callbackPath;
}

/** Over HTTPS the name has the prefix with which a browser takes a cookie from this host alone, and over HTTPS alone
 *  (RFC 6265bis, section 4.1.3.2). */
function nameOf(s: CookieServices, request: FastifyRequest, kind: Kind): string {
  const isSecure = request.protocol === 'https' || callbackUrl(s, request).startsWith('https:');
  return (isSecure ? '__Host-' : '') + kinds[kind].name;
}

export function cookieOf(
  s: CookieServices,
  request: FastifyRequest,
  kind: Kind,
): string | undefined {
  const name = nameOf(s, request, kind);
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [key = '', ...value] = pair.trim().split('=');
    if (key === name) return value.join('=');
  }
  return undefined;
}

/** `seconds`: 0 removes it. */
export function setCookie(
  s: CookieServices,
  request: FastifyRequest,
  reply: FastifyReply,
  kind: Kind,
  value: string,
  seconds: number,
): void {
  const name = nameOf(s, request, kind);
  const secure = name.startsWith('__Host-') ? '; Secure' : '';
  const { site } = kinds[kind];
  const rest = `Path=/; Max-Age=${Math.floor(seconds)}; HttpOnly; SameSite=${site}${secure}`;
  void reply.header('set-cookie', `${name}=${value}; ${rest}`);
}

/** Refuses what a browser sends with its cookie unless it says that a page of this server made it. Errors: AppError
 *  `auth.denied`. */
export function refuseUnproven({ headers }: FastifyRequest): void {
  const { origin, host = '', 'sec-fetch-site': site } = headers;
  const isOwn =
    site === undefined ? origin !== undefined && hostOf(origin) === host : site === 'same-origin';
  if (isOwn) return;
  throw new AppError(
    'auth.denied',
    'a session changes things from the pages of this server alone; scripts send a token',
  );
}

export function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
