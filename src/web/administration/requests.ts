// The API operations on the operator, tokens, the data and the server itself. Each of them throws ApiError.
import type { DamagedList } from '../../model/api/administration/damaged.ts';
import type { Myself, SignInWays, TokenList } from '../../model/api/administration/tokens.ts';
import type { About, Readiness } from '../../model/api/agent.ts';
import type { Session } from '../session.ts';

export async function readMyself(session: Session): Promise<Myself> {
  return (await session.request<Myself>('/api/whoami')).body;
}

/** The ways to sign in besides a token. */
export async function readSignInWays(session: Session): Promise<SignInWays> {
  return (await session.request<SignInWays>('/api/sign-in')).body;
}

/** Ends the session of this browser, if there is one. */
export async function signOut(session: Session): Promise<void> {
  await session.request('/api/sign-out', { method: 'POST' });
}

export async function readTokens(session: Session): Promise<TokenList> {
  return (await session.request<TokenList>('/api/tokens')).body;
}

export async function revokeToken(session: Session, name: string): Promise<void> {
  await session.request(`/api/tokens/${encodeURIComponent(name)}`, { method: 'DELETE' });
}

/** Looks at every record. */
export async function readDamaged(session: Session): Promise<DamagedList['damaged']> {
  return (await session.request<DamagedList>('/api/damaged')).body.damaged;
}

export async function readAbout(session: Session): Promise<About> {
  return (await session.request<About>('/api/about')).body;
}

/** Errors: those that keep the server from being ready. */
export async function readReady(session: Session): Promise<Readiness> {
  return (await session.request<Readiness>('/api/ready')).body;
}
